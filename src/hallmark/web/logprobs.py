"""A completion as it is shown to the client: pieces of text, with log-probabilities on demand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hallmark.lm.engine.decoder import Told
from hallmark.models.tokenizer import Tokenizer
from hallmark.web.writer import Drawn


class Transcript:
    """One choice of a completion, all of it, in pieces that join to it."""

    def __init__(self, index: int, tokenizer: Tokenizer, *, wanted: bool) -> None:
        self.index, self._tokenizer, self._wanted = index, tokenizer, wanted
        self._text = ""
        self._reason: str | None = None
        self._entries: list[dict[str, Any]] = []
        self._read = b""  # of the drawn tokens, to know where each begins
        self._echoed = 0

    def echo(self, prompt: str, ids: Sequence[int], told: Sequence[Told] | None) -> dict[str, Any]:
        """The prompt, whose first token was not predicted from anything."""
        found = [
            self._entry(token, own)
            for token, own in zip(ids, [None, *told] if told is not None else (), strict=False)
        ]
        self._text, self._echoed, self._read = prompt, len(prompt), b""
        return self._part(prompt, found)

    def add(self, text: str, drawn: Sequence[Drawn]) -> dict[str, Any]:
        """More text, and the tokens behind it without those of a stop string, which is cut."""
        self._text += text
        found = [self._entry(d.token, d.told) for d in drawn if d.token != self._tokenizer.eot]
        return self._part(text, [e for e in found if e["offset"] < max(1, len(self._text))])

    def end(self, *, ended: bool) -> dict[str, Any]:
        """The last piece: nothing but why the text ended."""
        self._reason = "stop" if ended else "length"
        return self._part("", [])

    def choice(self) -> dict[str, Any]:
        """The whole choice."""
        return {
            "text": self._text, "index": self.index, "finish_reason": self._reason,
            "logprobs": _columns(self._entries) if self._wanted else None,
        }  # fmt: skip

    def _part(self, text: str, found: list[dict[str, Any]]) -> dict[str, Any]:
        self._entries += found
        return {
            "text": text, "index": self.index, "finish_reason": self._reason,
            "logprobs": _columns(found) if self._wanted else None,
        }  # fmt: skip

    def _entry(self, token: int, told: Told | None) -> dict[str, Any]:
        offset = self._echoed + len(self._read.decode("utf-8", errors="ignore"))
        self._read += self._tokenizer.decode_bytes([token])
        shown = {"token": self._shown(token), "offset": offset, "own": None, "top": None}
        if told is not None:
            top = {self._shown(i): log_prob for i, log_prob in told.likeliest}
            shown |= {"own": told.log_prob, "top": top}
        return shown

    def _shown(self, token: int) -> str:
        """A token's text; where it is a part of a character, its bytes in OpenAI's notation."""
        data = self._tokenizer.decode_bytes([token])
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)


def _columns(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "tokens": [e["token"] for e in entries],
        "token_logprobs": [e["own"] for e in entries],
        "top_logprobs": [e["top"] for e in entries],
        "text_offset": [e["offset"] for e in entries],
    }
