"""The files that pages use (style, scripts, mark) and the templates: the same in every app."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib.resources import files

from fastapi import FastAPI
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from hallmark.web.errors import Refused

KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def templates() -> Environment:
    """Templates that escape what they show, and refuse a name that they were not given."""
    return Environment(
        loader=PackageLoader("hallmark.web"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def install_assets(app: FastAPI) -> str:
    """Serve the files at /static/STAMP/NAME, kept by browsers for good; the stamp."""
    assets = {
        file.name: file.read_bytes()
        for file in (files("hallmark.web") / "static").iterdir()
        if file.name.rpartition(".")[2] in KINDS
    }
    app.add_api_route(
        "/static/{stamp}/{name}", _asset(assets), methods=["GET"], include_in_schema=False
    )
    return hashlib.sha256(b"".join(assets[name] for name in sorted(assets))).hexdigest()[:12]


def _asset(assets: dict[str, bytes]) -> Callable[..., object]:
    async def asset(stamp: str, name: str) -> Response:
        if name not in assets:
            raise Refused(404, "there is no such file")
        kept = {"Cache-Control": "public, max-age=31536000, immutable"}
        kind = KINDS[name.rpartition(".")[2]]
        return Response(assets[name], media_type=kind, headers=kept)

    return asset
