"""Detection, scores, files, health, and input that wants to break something."""

from __future__ import annotations

import dataclasses
import importlib.util
import io
import json
import zipfile
from pathlib import Path

import pytest

from hallmark.models.sizes import BUNDLED

ROOT = Path(__file__).parents[2]
HUMAN = (BUNDLED / "texts" / "human.txt").read_text(encoding="utf-8")

LOOP = "The city is a great city and the city is the best city in the city. " * 30
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)> " * 20


def test_a_verdict_is_the_librarys(client, judge):
    answer = client.post("/api/detect", json={"text": HUMAN, "prior": 0.01})
    assert answer.status_code == 200
    (found,) = answer.json()["verdicts"]
    expected = dataclasses.asdict(judge.judge([HUMAN], prior=0.01)[0])
    assert found.keys() >= expected.keys()
    assert {name: found[name] for name in expected} == expected
    flags = found["flags"]
    assert 0 <= flags["human_as_high"] <= flags["human"] >= 500
    assert 0 <= flags["synthetic_as_high"] <= flags["synthetic"] >= 100


def test_many_texts_come_back_in_order_and_a_short_one_is_abstained_on(client, judge):
    texts = [HUMAN, "Maybe tomorrow.", LOOP] * 4
    verdicts = client.post("/api/detect", json={"texts": texts}).json()["verdicts"]
    expected = [str(v.band) for v in judge.judge(texts)]
    assert [v["band"] for v in verdicts] == expected
    assert verdicts[1]["probability"] is None
    assert verdicts[1]["flags"] is None
    assert "tokens" in verdicts[1]["reason"]


def test_the_view_of_2019(client, judge):
    found = client.post("/api/openai-detector", json={"text": HUMAN}).json()
    verdict = judge.judge([HUMAN])[0]
    assert found["fake_probability"] == pytest.approx(verdict.probability)
    assert found["real_probability"] + found["fake_probability"] == pytest.approx(1)
    assert found["all_tokens"] == verdict.tokens_total
    short = client.post("/api/openai-detector", json={"text": "No."}).json()
    assert short["fake_probability"] is None


def test_scores_are_the_librarys_and_the_tokens_join_to_the_text(client, model):
    texts = [HUMAN[:800], "a", "", "naïve 🙂 ✓ end"]
    found = client.post("/api/score", json={"texts": texts}).json()["scores"]
    for text, own, expected in zip(texts, found, model.score(texts), strict=True):
        assert "".join(own["tokens"]) == text
        assert own["log_prob"] == pytest.approx(expected.log_prob.tolist(), abs=1e-4)
        assert own["rank"] == expected.rank.tolist()
    shares = [v for k, v in found[0]["statistics"].items() if k.startswith("rank-")]
    assert sum(shares) == pytest.approx(1)


def docx(text: str) -> bytes:
    body = "".join(f"<w:p><w:r><w:t>{p}</w:t></w:r></w:p>" for p in text.split("\n\n"))
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        xml = f'<w:document xmlns:w="{space}"><w:body>{body}</w:body></w:document>'
        archive.writestr("word/document.xml", xml)
    return out.getvalue()


def pdf(text: str) -> bytes:
    """One page with one line, as small as a PDF can be."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
    font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F1 {font}>>>>>>",
        f"<</Length {len(stream)}>>stream\n{stream}\nendstream",
    ]  # fmt: skip
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj{content}endobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    end = f"xref\n0 5\n0000000000 65535 f \n{table}trailer<</Size 5/Root 1 0 R>>\n"
    return out + f"{end}startxref\n{len(out)}\n%%EOF".encode()


@pytest.mark.parametrize(
    ("name", "data", "texts"),
    [
        ("a.txt", b"\xef\xbb\xbfplain", ["plain"]),
        ("a.md", "# é".encode(), ["# é"]),
        ("a.jsonl", b'{"text": "one"}\n{"id": 7, "text": "two"}\n', ["one", "two"]),
        ("a.csv", b'id,Text\n1,"one, and"\n2,two\n', ["one, and", "two"]),
        ("a.csv", b"1,only cells\n2,of text\n", ["only cells", "of text"]),
        ("a.docx", docx("One.\n\nTwo &amp; three."), ["One.\n\nTwo & three."]),
        ("a.pdf", pdf("Plain words on a page."), ["Plain words on a page."]),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_texts_are_found_in_files(client, name, data, texts):
    found = client.post("/api/extract", files=[("files", (name, data))]).json()["texts"]
    assert [f["text"] for f in found] == texts
    assert all(f["name"].startswith(name) for f in found)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.exe", b"MZ"), ("a.txt", b"\xff\xfe\x00"), ("a.txt", b"a\0b"), ("a.jsonl", b"{"),
        ("a.docx", b"PK\x03\x04"), ("a.pdf", b"%PDF-1.4"), ("a.pdf", b""), ("a.csv", b"a\0"),
        ("a.jsonl", b'{"other": 1}'),
        ("a.docx", docx("x").replace(b"<w:document", b"<w:docum<nt")),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_a_damaged_file_is_named_and_the_others_are_read(client, name, data):
    files = [("files", (name, data)), ("files", ("good.txt", b"good"))]
    bad, good = client.post("/api/extract", files=files).json()["texts"]
    assert bad["error"]
    assert bad["text"] is None
    assert good["text"] == "good"


ROUTES = ["/v1/completions", "/api/detect", "/api/score", "/api/openai-detector"]
BAD = {
    "NaN": b'{"prompt": "a", "text": NaN, "temperature": NaN, "prior": NaN, "max_tokens": NaN}',
    "huge": b'{"prompt": "a", "text": 1, "temperature": 1e999, "prior": 1e999}',
    "digits": b'{"text": 1, "prompt": "a", "max_tokens": ' + b"9" * 5000 + b"}",
    "whole": b'{"text": 1, "prompt": "a", "seed": 99999999999999999999, "max_tokens": 1e300}',
    "surrogate": b'{"prompt": "\\ud800", "text": "\\ud800"}',
    "name": b'{"\\ud800": 1, "prompt": 7, "text": 7}',
    "NUL": b'{"prompt": "a\\u0000b", "text": "a\\u0000b"}',
    "deep": b"[" * 100_000,
    "not UTF-8": b'{"text": "\xff\xfe"}',
    "cut": b'{"text": "a',
    "list": b"[1, 2]",
    "null": b"null",
    "empty": b"",
    "kinds": b'{"text": {"a": 1}, "texts": "a", "prompt": {"a": 1}}',
    "none": b'{"texts": [], "prompt": [[]], "max_tokens": -1}',
}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_no_input_breaks_the_service(client, route, body):
    answer = client.post(route, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert len(answer.content) < 1000
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "text",
    [
        "", " ", " " * 200_000, "\u200b" * 3000, "\u202e" + "מילים " * 300, "a" * 200_000, SCRIPT,
        "🙂" * 2000, "\ufffe\uffff" * 100, "e\u0301" * 3000, "\r\n" * 3000,
    ],
    ids=lambda text: ascii(text[:4]),
)  # fmt: skip
def test_odd_texts_are_judged_and_scored(client, text):
    verdict = client.post("/api/detect", json={"text": text})
    assert verdict.status_code == 200
    assert verdict.json()["verdicts"][0]["tokens_total"] >= 0
    scores = client.post("/api/score", json={"text": text, "max_tokens": 50})
    assert scores.status_code == 200
    assert scores.json()["scores"][0]["tokens_used"] <= 50


def test_either_one_text_or_several(client):
    for body in ({}, {"text": "a", "texts": ["a"]}, {"texts": []}, {"texts": ["a"] * 65}):
        assert client.post("/api/detect", json=body).status_code == 400


def test_health_metrics_and_the_schema(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    client.post("/api/detect", json={"text": "short"})
    metrics = client.get("/metrics").text
    assert 'hallmark_texts_total{job="judge"}' in metrics
    assert 'hallmark_requests_total{method="POST",route="/api/detect",status="200"}' in metrics
    schema = client.get("/openapi.json").json()
    assert {*ROUTES, "/v1/models", "/api/extract", "/healthz", "/readyz", "/metrics"} == {
        *schema["paths"]
    }
    assert "422" not in json.dumps(schema)
    docs = (ROOT / "docs" / "serve.md").read_text(encoding="utf-8")
    assert [path for path in schema["paths"] if path not in docs] == []


def test_answers_are_those_of_the_schema(served):
    """A small run of what `recipes/api_cases.py` does with 10,000."""
    path = ROOT / "recipes" / "api_cases.py"
    spec = importlib.util.spec_from_file_location("hallmark_recipes_api_cases", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    counts, failures = module.try_all(served[1], cases=50)
    assert failures == []
    assert len(counts) == 9
    assert sum(found.total() for found in counts.values()) >= 50
    assert all(found[200] for found in counts.values())
