"""Work for a client who may leave: then it is given up."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.types import Message

from hallmark.web.errors import Refused

T = TypeVar("T")


async def while_present(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled once the client has left."""
    working = asyncio.ensure_future(work)
    leaving: asyncio.Future[Message] = asyncio.ensure_future(_next(request))
    both: set[asyncio.Future[Any]] = {working, leaving}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise Refused(499, "the client left")
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)


async def in_time(
    request: Request, work: Coroutine[Any, Any, T], *, seconds: float, advice: str
) -> T:
    """The result of `work`; `Refused` where it takes longer, or the client leaves."""
    try:
        async with asyncio.timeout(seconds):
            return await while_present(request, work)
    except TimeoutError:
        raise Refused(504, f"not done within {seconds:g} s; {advice}") from None


async def _next(request: Request) -> Message:
    return await request.receive()
