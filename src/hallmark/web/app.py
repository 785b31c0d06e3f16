"""The app: routes over a service that it is handed, behind the guards. No module globals."""

from __future__ import annotations

from fastapi import FastAPI

from hallmark import __version__
from hallmark.web import api, errors, pages
from hallmark.web.guard import Body, Door, Frame
from hallmark.web.service import Service


def create_app(service: Service, *, key: str | None = None, local: bool = True) -> FastAPI:
    """The API and its pages. key: what requests must show. local: only 127.0.0.1 is served."""

    app = FastAPI(
        title="Hallmark", version=__version__, docs_url=None, redoc_url=None,
        description="Completions as OpenAI's clients speak them, detection with its error rate.",
    )  # fmt: skip
    app.include_router(api.routes(service))
    pages.install(app, service, locked=key is not None)
    errors.install(app)
    app.add_middleware(Body, limits=service.limits)
    app.add_middleware(Door, key=key, local=local)
    app.add_middleware(Frame, metrics=service.metrics)
    return app
