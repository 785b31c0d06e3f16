"""A study behind uvicorn: who can reach it, and over what."""

from __future__ import annotations

from hallmark.study.store import Store
from hallmark.web.listening import Listening, is_local, runner
from hallmark.web.study.app import create_app
from hallmark.web.study.desk import Ending

__all__ = ["Ending", "serve_study"]
_DRAIN = 20.0  # seconds


def serve_study(
    store: Store, ending: Ending, *, host: str, port: int, public: str | None, listening: Listening
) -> None:
    """Serve until a signal comes. public: the address by which raters come, over a proxy or not.

    ValueError where others can reach it and nobody said by which address.
    """
    if public is not None and not public.startswith(("https://", "http://")):
        raise ValueError(f"the public address must begin with https://, not {public}")
    if public is None and not is_local(host):
        raise ValueError(
            f"{host} can be reached by others: say how with --public https://..., since passwords "
            "must not travel in the clear, or listen on 127.0.0.1"
        )
    app = create_app(
        store, ending=ending, local=public is None,
        secure=public is not None and public.startswith("https://"),
    )  # fmt: skip
    run, _ = runner(app, host=host, port=port, drain=_DRAIN, listening=listening)
    run()
