"""uvicorn around any app: says when it listens, finishes what is under way when told to end."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from hallmark.web.guard import LOOPBACK

Listening = Callable[[str], None]


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, *, listening: Listening) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._listening(f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/")


def is_local(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    return host in LOOPBACK


def runner(
    app: ASGIApp, *, host: str, port: int, drain: float, listening: Listening
) -> tuple[Callable[[], None], Callable[[], None]]:
    """What runs until it is told to end, and what tells it from another thread.

    drain: seconds that requests under way get. listening: called with the address once requests
    are taken. OSError where it is not free.
    """
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        if error.errno != errno.EADDRINUSE:
            raise
        raise OSError(
            error.errno, f"{error.strerror}; give another --port", f"{host}:{port}"
        ) from None
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, ws="none",
        timeout_graceful_shutdown=int(drain), timeout_keep_alive=15,
        h11_max_incomplete_event_size=2**15,
    )  # fmt: skip
    logging.getLogger("uvicorn.access").disabled = True  # it would log whole addresses
    running = _Server(config, listening=listening)

    def run() -> None:
        with bound:
            running.run(sockets=[bound])

    def stop() -> None:
        running.should_exit = True

    return run, stop
