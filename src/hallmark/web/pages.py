"""The pages: rendered once from templates, with plain JavaScript and no outside request."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib.resources import files

from fastapi import FastAPI
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hallmark.lm.sampling import PURE
from hallmark.models.sizes import BUNDLED
from hallmark.web.errors import Refused
from hallmark.web.limits import CHARACTERS
from hallmark.web.service import Service

PAGES = {"detect": "Detect", "inspect": "Inspect", "write": "Write", "learn": "Learn"}
KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_HUMAN = BUNDLED / "texts" / "human.txt"


def install(app: FastAPI, service: Service, *, locked: bool) -> None:
    """Add the pages and the files that they use."""
    assets = {
        file.name: file.read_bytes()
        for file in (files("hallmark.web") / "static").iterdir()
        if file.name.rpartition(".")[2] in KINDS
    }
    stamp = hashlib.sha256(b"".join(assets[name] for name in sorted(assets))).hexdigest()[:12]
    environment = Environment(
        loader=PackageLoader("hallmark.web"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
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
    app.add_api_route(
        "/static/{stamp}/{name}", _asset(assets), methods=["GET"], include_in_schema=False
    )


async def _home(request: Request) -> Response:
    return RedirectResponse("/detect", status_code=307)


def _page(html: str) -> Callable[[], object]:
    async def page() -> Response:
        return HTMLResponse(html, headers={"Cache-Control": "no-cache"})

    return page


def _asset(assets: dict[str, bytes]) -> Callable[..., object]:
    async def asset(stamp: str, name: str) -> Response:
        if name not in assets:
            raise Refused(404, "there is no such file")
        kept = {"Cache-Control": "public, max-age=31536000, immutable"}
        kind = KINDS[name.rpartition(".")[2]]
        return Response(assets[name], media_type=kind, headers=kept)

    return asset
