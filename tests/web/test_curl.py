"""The curl lines of docs/serve.md get the answers that stand below them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from hallmark.lm.model import LanguageModel
from hallmark.lm.sampling import SamplingParams, document_seed
from hallmark.models.sizes import BUNDLED

PAGE = (Path(__file__).parents[2] / "docs" / "serve.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\ncurl (.*?)\n```\n\n```json\n(.*?)```", PAGE, re.DOTALL)
WHERE = "http://127.0.0.1:8080"


def request(line: str) -> tuple[str, dict[str, object]]:
    """The path and the body of a line of curl."""
    silent, address, header, kind, data, body = shlex.split(line)
    assert (silent, header, data) == ("-s", "-H", "-d")
    assert kind == "Content-Type: application/json"
    assert address.startswith(f"{WHERE}/")
    return address.removeprefix(WHERE), json.loads(body)


def as_shown(answer: object, shown: object) -> object:
    """Of an answer what the page shows: it may leave out fields, but add and change none."""
    if isinstance(shown, dict):
        assert isinstance(answer, dict)
        return {name: as_shown(answer[name], value) for name, value in shown.items()}
    if isinstance(shown, list):
        assert isinstance(answer, list)
        return [as_shown(a, s) for a, s in zip(answer, shown, strict=True)]
    return answer


def test_both_endpoints_are_shown() -> None:
    assert [request(line)[0] for line, _ in BLOCKS] == ["/api/detect", "/v1/completions"]
    assert PAGE.count("curl -s") == len(BLOCKS)


@pytest.mark.parametrize(("line", "text"), BLOCKS, ids=["detect", "completions"])
def test_an_answer_is_the_one_that_is_shown(client, model, line, text) -> None:
    path, body = request(line)
    shown, answer = json.loads(text), client.post(path, json=body).json()
    if path == "/v1/completions":  # the service of the tests has another model than the page's
        assert shown.pop("model") == "ladder-7M"
        (choice,) = shown["choices"]
        params = SamplingParams(max_tokens=body["max_tokens"], top_k=body["top_k"])
        seeds = [document_seed(body["seed"], "", "", 0)]
        large = LanguageModel.load(BUNDLED / "ladder-7M")
        assert choice["text"] == large.generate([body["prompt"]], params, seeds=seeds)[0].text
        choice["text"] = model.generate([body["prompt"]], params, seeds=seeds)[0].text
    assert as_shown(answer, shown) == shown
