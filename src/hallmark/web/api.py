"""The routes of the API: completions, models, detection, scores, files, health, metrics."""

from __future__ import annotations

import time
from collections.abc import Coroutine, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, File, Request, UploadFile
from starlette.responses import JSONResponse, Response

from hallmark.data import check_text
from hallmark.web.completions import Completions
from hallmark.web.errors import ErrorBody, Refused
from hallmark.web.files import texts_in
from hallmark.web.limits import CHARACTERS, ROWS
from hallmark.web.presence import in_time
from hallmark.web.schemas import (
    Completion,
    CompletionRequest,
    DetectAnswer,
    DetectorAnswer,
    DetectorRequest,
    DetectRequest,
    ExtractAnswer,
    Health,
    Json,
    ModelList,
    ScoreAnswer,
    ScoreRequest,
)
from hallmark.web.service import Service
from hallmark.web.views import detector_view, score_view, verdict_view

T = TypeVar("T")
_ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "Refused"},
    "503": {"model": ErrorBody, "description": "Too busy: Retry-After says when to come again"},
    "504": {"model": ErrorBody, "description": "Not done within the time limit"},
}
_STREAMED: dict[str, Any] = {
    "description": "The completion; with `stream`, events that each hold a piece of it",
    "content": {"text/event-stream": {}},
}


def routes(service: Service) -> APIRouter:
    """All of them, over the service's objects."""
    router = APIRouter(responses=_ERRORS)
    _openai(router, service)
    _reading(router, service)
    _health(router, service)
    return router


def _openai(router: APIRouter, service: Service) -> None:
    completions = Completions(service.writer, service.reader)
    model, config = service.model, service.model.network.config
    created = int(time.time())

    @router.post("/v1/completions", response_model=Completion, responses={200: _STREAMED})
    async def complete(asked: CompletionRequest, request: Request) -> Response:
        """Go on from prompts, as OpenAI's clients ask for it; streams on demand."""
        return await completions.answer(asked, request)

    @router.get("/v1/models")
    async def models() -> ModelList:
        """The model that is served."""
        card = {
            "id": model.name, "created": created, "parameters": config.parameters,
            "context": config.n_ctx,
        }  # fmt: skip
        return ModelList.model_validate({"data": [card]})


def _reading(router: APIRouter, service: Service) -> None:
    reader, limits = service.reader, service.limits

    async def limited(request: Request, work: Coroutine[Any, Any, T]) -> T:
        return await in_time(request, work, seconds=limits.seconds, advice="send less")

    @router.post("/api/detect", response_model=DetectAnswer)
    async def detect(asked: DetectRequest, request: Request) -> Response:
        """How texts look, and how often that errs; never who wrote them."""
        texts = one_or_many(asked.text, asked.texts)
        verdicts = await limited(request, reader.judge(texts, prior=asked.prior))
        views = [verdict_view(verdict, service.judge) for verdict in verdicts]
        return JSONResponse({"detector": service.detector, "verdicts": views})

    @router.post("/api/score", response_model=ScoreAnswer)
    async def score(asked: ScoreRequest, request: Request) -> Response:
        """How likely the model finds each token of texts."""
        texts = one_or_many(asked.text, asked.texts)
        scores = await limited(request, reader.score(texts, max_tokens=asked.max_tokens))
        views = [score_view(own, service.model) for own in scores]
        return JSONResponse({"model": service.model.name, "scores": views})

    @router.post("/api/openai-detector", response_model=DetectorAnswer)
    async def openai_detector(asked: DetectorRequest, request: Request) -> Response:
        """The answer of GPT-2's detector of 2019, from this one."""
        (verdict,) = await limited(request, reader.judge([asked.text], prior=0.5))
        return JSONResponse(detector_view(verdict))

    @router.post("/api/extract", response_model=ExtractAnswer)
    async def extract(files: Annotated[list[UploadFile], File()], request: Request) -> Response:
        """The texts in files: txt, md, csv, jsonl, docx, pdf. Nothing is kept."""
        found = await limited(request, _extracted(files, most=ROWS, longest=CHARACTERS))
        return JSONResponse({"texts": found})


async def _extracted(files: Sequence[UploadFile], *, most: int, longest: int) -> list[Json]:
    out: list[Json] = []
    for file in files:
        name = (file.filename or "file").encode("utf-8", "replace").decode()[-120:]
        try:
            for place, text in await texts_in(name, await file.read()):
                check_text(place, where=name)
                if len(text) > longest:
                    raise ValueError(f"a text may have {longest} characters; this one has more")
                shown = f"{name}, {place[:80]}" if place else name
                out.append({"name": shown, "text": text, "error": None})
        except ValueError as error:
            message = str(error).encode("utf-8", "replace").decode()
            out.append({"name": name, "text": None, "error": message})
        if len(out) > most:
            note = f"only the first {most} texts are taken; use hallmark detect --jsonl for more"
            return [*out[:most], {"name": name, "text": None, "error": note}]
    return out


def one_or_many(text: str | None, texts: list[str] | None) -> list[str]:
    """The texts of a request; `Refused` where it has none, or both."""
    if (text is None) == (texts is None):
        raise Refused(400, "give either `text` or `texts`", param="text")
    return [text] if text is not None else texts or []


def _health(router: APIRouter, service: Service) -> None:
    @router.get("/healthz")
    async def healthz() -> Health:
        """Whether the process lives."""
        return Health(status="ok")

    @router.get("/readyz")
    async def readyz() -> Health:
        """Whether requests can be taken."""
        if not service.ready:
            raise Refused(503, "not ready", code="not_ready", retry_after=5)
        return Health(status="ready")

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Counters for Prometheus."""
        return Response(service.metrics.text(), media_type=service.metrics.content_type)
