"""The pages: rendered once from templates, with plain JavaScript and no outside request."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hallmark.lm.sampling import PURE
from hallmark.models.sizes import BUNDLED
from hallmark.web.assets import install_assets, templates
from hallmark.web.limits import CHARACTERS
from hallmark.web.service import Service

PAGES = {"detect": "Detect", "inspect": "Inspect", "write": "Write", "learn": "Learn"}
_HUMAN = BUNDLED / "texts" / "human.txt"


def install(app: FastAPI, service: Service, *, locked: bool) -> None:
    """Add the pages and the files that they use."""
    stamp = install_assets(app)
    environment = templates()
    facts = {
        "pages": PAGES, "stamp": stamp, "locked": locked, "model": service.model.name,
        "parameters": service.model.network.config.parameters,
        "context": service.model.network.config.n_ctx, "detector": service.detector,
        "characters": CHARACTERS, "limits": service.limits, "sampling": PURE,
        "example": _HUMAN.read_text(encoding="utf-8"),
        "shortest": service.judge.detector.calibration.shortest,
    }  # fmt: skip
    for name in PAGES:
        html = environment.get_template(f"{name}.html").render(page=name, **facts)
        app.add_api_route(f"/{name}", _page(html), methods=["GET"], include_in_schema=False)
    app.add_api_route("/", _home, methods=["GET"], include_in_schema=False)


async def _home(request: Request) -> Response:
    return RedirectResponse("/detect", status_code=307)


def _page(html: str) -> Callable[[], object]:
    async def page() -> Response:
        return HTMLResponse(html, headers={"Cache-Control": "no-cache"})

    return page
