"""A study behind uvicorn: who can reach it, and over what."""

from __future__ import annotations

from dataclasses import dataclass

from hallmark.study.store import Store
from hallmark.web.listening import Listening, is_local, runner
from hallmark.web.signin import hash_password
from hallmark.web.study.app import create_app
from hallmark.web.study.desk import Ending

__all__ = ["Ending", "Reach", "hash_password", "serve_study"]
_DRAIN = 20.0  # seconds


@dataclass(frozen=True)
class Reach:
    """Where it listens. public: the address by which raters come, through a proxy or not.

    ValueError where others can reach it and nobody said by which address.
    """

    host: str
    port: int
    public: str | None = None

    def __post_init__(self) -> None:
        if self.public is not None and not self.public.startswith(("https://", "http://")):
            raise ValueError(f"the public address must begin with https://, not {self.public}")
        if self.public is None and not is_local(self.host):
            raise ValueError(
                f"{self.host} can be reached by others: say how with --public https://..., since "
                "passwords must not travel in the clear, or listen on 127.0.0.1"
            )

    @property
    def secure(self) -> bool:
        """Whether people come over HTTPS, so that cookies need not go over anything else."""
        return self.public is not None and self.public.startswith("https://")


def serve_study(store: Store, ending: Ending, reach: Reach, *, listening: Listening) -> None:
    """Serve until a signal comes."""
    app = create_app(store, ending=ending, local=reach.public is None, secure=reach.secure)
    run, _ = runner(app, host=reach.host, port=reach.port, drain=_DRAIN, listening=listening)
    run()
