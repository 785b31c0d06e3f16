"""Parts of hallmark that need packages of an extra, and what to install where one is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needs(extra: str, *, who: str) -> Iterator[None]:
    """Around imports: ValueError names the missing package and the `extra` that has what `who`."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{error.name} is not installed; `pip install 'hallmark[{extra}]'` gets what {who}"
        ) from None
