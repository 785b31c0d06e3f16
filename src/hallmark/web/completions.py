"""`POST /v1/completions` as OpenAI's clients speak it, whole or as server-sent events."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from hallmark.lm.engine.decoder import Told
from hallmark.lm.sampling import SamplingParams, document_seed
from hallmark.models.tokenizer import Tokenizer
from hallmark.web.errors import Refused, from_value_error
from hallmark.web.limits import CHOICES
from hallmark.web.logprobs import Transcript
from hallmark.web.presence import in_time
from hallmark.web.reader import Reader
from hallmark.web.schemas import CompletionRequest
from hallmark.web.writer import Event, Prompt, Writer

_LESS = "ask for fewer tokens"
_UNSUPPORTED = ("suffix", "logit_bias", "presence_penalty", "frequency_penalty")


class Completions:
    """Answers requests with one writer; the reader is asked about prompts that are echoed."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self.writer, self.reader = writer, reader
        self.limits, self.model = writer.limits, writer.model

    async def answer(self, asked: CompletionRequest, request: Request) -> Response:
        """The answer; `Refused` where there is none."""
        self._check(asked)
        params = self._params(asked)
        prompts = await asyncio.to_thread(self._prompts, asked, params)
        work = _Work(asked, params, prompts, self.model.name, self.model.tokenizer)
        events, seconds = self._events(work), self.limits.seconds
        if not asked.stream:
            whole = self._whole(work, events)
            return JSONResponse(await in_time(request, whole, seconds=seconds, advice=_LESS))
        # A refusal that comes before anything is written has its own status.
        first = await in_time(request, _first(events), seconds=seconds, advice=_LESS)
        lines = _lines(work, first, events, seconds=seconds)
        return StreamingResponse(lines, media_type="text/event-stream")

    async def _whole(self, work: _Work, events: AsyncGenerator[dict[str, Any]]) -> dict[str, Any]:
        async for _ in events:
            pass
        choices = [t.choice() for t in work.transcripts]
        return work.object(choices) | {"usage": work.usage()}

    async def _events(self, work: _Work) -> AsyncGenerator[dict[str, Any]]:
        """Chunks of the answer as they come; the transcripts of `work` keep all of it."""
        asked, prompts = work.asked, work.prompts
        if asked.echo:
            count = asked.logprobs
            told: list[list[Told] | None] = [None] * len(prompts)
            if count is not None:
                distinct = prompts[:: asked.n or 1]
                found = await self.reader.alternatives([p.ids for p in distinct], count=count)
                told = [t for t in found for _ in range(asked.n or 1)]
            for transcript, prompt, own in zip(work.transcripts, prompts, told, strict=True):
                yield work.object([transcript.echo(prompt.text, prompt.ids, own)])
        if not work.params.max_tokens:
            for transcript in work.transcripts:
                yield work.object([transcript.end(ended=False)])
            return
        writing = self.writer.write(
            prompts, work.params, alternatives=asked.logprobs, stream=bool(asked.stream)
        )
        async with aclosing(writing):
            async for event in writing:
                for part in work.parts(event):
                    yield work.object([part])

    def _check(self, asked: CompletionRequest) -> None:
        if asked.model not in (None, "", self.model.name):
            message = f"this service has the model {self.model.name} only"
            raise Refused(404, message, param="model", code="model_not_found")
        for name in _UNSUPPORTED:
            if getattr(asked, name):
                raise Refused(400, f"{name} is not supported; leave it out", param=name)
        if asked.best_of not in (None, asked.n or 1):
            raise Refused(400, "best_of must equal n here; leave it out", param="best_of")

    def _params(self, asked: CompletionRequest) -> SamplingParams:
        stop = [asked.stop] if isinstance(asked.stop, str) else asked.stop or []
        d = SamplingParams()
        wanted = 16 if asked.max_tokens is None else asked.max_tokens
        if wanted > self.limits.max_tokens:
            message = f"max_tokens may be at most {self.limits.max_tokens}, not {wanted}"
            raise Refused(400, message, param="max_tokens")
        try:
            return SamplingParams(
                max_tokens=wanted,
                temperature=d.temperature if asked.temperature is None else asked.temperature,
                top_k=asked.top_k, top_p=d.top_p if asked.top_p is None else asked.top_p,
                repetition_penalty=asked.repetition_penalty, stop=tuple(s for s in stop if s),
                seed=secrets.randbits(53) if asked.seed is None else asked.seed,
            )  # fmt: skip
        except ValueError as error:
            raise from_value_error(error) from None

    def _prompts(self, asked: CompletionRequest, params: SamplingParams) -> list[Prompt]:
        """Every prompt n times, each with the seed that `hallmark generate` would give it."""
        tokenizer, n_ctx = self.model.tokenizer, self.model.network.config.n_ctx
        max_tokens = params.max_tokens
        given = as_list(asked.prompt)
        if len(given) * (asked.n or 1) > CHOICES:
            message = f"at most {CHOICES} texts may be written for one request"
            raise Refused(400, message, param="n")
        out: list[Prompt] = []
        for own in given:
            ids = tuple(tokenizer.encode(own) if isinstance(own, str) else own)
            if len(ids) + max_tokens > n_ctx:
                raise Refused(
                    400, f"the prompt's {len(ids)} tokens and {max_tokens} new ones exceed the "
                    f"context of {n_ctx}", param="prompt", code="context_length_exceeded",
                )  # fmt: skip
            try:
                text = own if isinstance(own, str) else tokenizer.decode(ids)
            except ValueError as error:
                raise Refused(400, str(error), param="prompt") from None
            for _ in range(asked.n or 1):
                out.append(Prompt(text, ids, document_seed(params.seed, "", "", len(out))))
        return out


def as_list(prompt: object) -> Sequence[str | Sequence[int]]:
    """One prompt or several, as text or as tokens, as several."""
    if isinstance(prompt, str):
        return [prompt]
    assert isinstance(prompt, list)
    return [prompt] if prompt and isinstance(prompt[0], int) else prompt or [""]


class _Work:
    """One request on its way."""

    def __init__(
        self, asked: CompletionRequest, params: SamplingParams, prompts: Sequence[Prompt],
        model: str, tokenizer: Tokenizer,
    ) -> None:  # fmt: skip
        self.asked, self.params, self.prompts, self.model = asked, params, prompts, model
        self.id, self.created = f"cmpl-{secrets.token_hex(12)}", int(time.time())
        wanted = asked.logprobs is not None
        self.transcripts = [Transcript(i, tokenizer, wanted=wanted) for i in range(len(prompts))]
        self.drawn = 0

    def parts(self, event: Event) -> list[dict[str, Any]]:
        """What an event adds to its choice."""
        transcript, ended = self.transcripts[event.choice], event.ended
        if ended is None:
            return [transcript.add(event.text, event.drawn)]
        self.drawn += len(ended.tokens)
        if self.asked.stream:
            return [transcript.end(ended=ended.ended)]
        return [transcript.add(ended.text, event.drawn), transcript.end(ended=ended.ended)]

    def object(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        """OpenAI's object around some choices."""
        return {
            "id": self.id, "object": "text_completion", "created": self.created,
            "model": self.model, "choices": choices,
        }  # fmt: skip

    def usage(self) -> dict[str, int]:
        """Tokens; a prompt that is continued n times counts once."""
        read = sum(len(p.ids) for p in self.prompts[:: self.asked.n or 1])
        return {
            "prompt_tokens": read, "completion_tokens": self.drawn,
            "total_tokens": read + self.drawn,
        }  # fmt: skip


async def _first(events: AsyncGenerator[dict[str, Any]]) -> dict[str, Any]:
    """The first chunk; what writes them is ended where it does not come."""
    try:
        return await anext(events)
    except BaseException:
        await events.aclose()
        raise


async def _lines(
    work: _Work, first: dict[str, Any], events: AsyncGenerator[dict[str, Any]], *, seconds: float
) -> AsyncIterator[str]:
    """Server-sent events; an error that comes late is one of them."""
    options = work.asked.stream_options
    try:
        async with asyncio.timeout(seconds), aclosing(events):
            yield _line(first)
            async for chunk in events:
                yield _line(chunk)
        if options and options.include_usage:
            yield _line(work.object([]) | {"usage": work.usage()})
    except Refused as error:
        yield _line(error.body())
    except TimeoutError:
        yield _line(Refused(504, f"not done within {seconds:g} s").body())
    yield "data: [DONE]\n\n"


def _line(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, allow_nan=False)}\n\n"
