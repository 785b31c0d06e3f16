"""The service behind uvicorn: its app, and who may ask it from elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from hallmark.web.app import create_app
from hallmark.web.listening import Listening, is_local, runner
from hallmark.web.service import Service


def check_key(host: str, key: str | None) -> None:
    """ValueError where others could ask without a key, or the key could be guessed."""
    if key is not None and len(key) < 16:
        raise ValueError(
            "the key must have at least 16 characters; `openssl rand -hex 16` makes one"
        )
    if key is None and not is_local(host):
        raise ValueError(
            f"{host} can be reached by others: set HALLMARK_API_KEY to a key that they must give, "
            "or listen on 127.0.0.1"
        )


def server(
    service: Service, *, host: str, port: int, key: str | None, listening: Listening
) -> tuple[Callable[[], None], Callable[[], None]]:
    """What runs until it is told to end, and what tells it from another thread."""
    app = create_app(service, key=key, local=is_local(host))
    return runner(app, host=host, port=port, drain=service.limits.drain, listening=listening)


def serve(service: Service, *, host: str, port: int, key: str | None, listening: Listening) -> None:
    """Serve until a signal comes; requests under way get `limits.drain` seconds."""
    run, _ = server(service, host=host, port=port, key=key, listening=listening)
    run()
