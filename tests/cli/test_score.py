"""`hallmark score` through the program, with a tiny random model."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from hallmark.cli.score import bits_per_byte
from hallmark.lm.model import LanguageModel

TEXT = "the théme of the day"


def test_json_has_what_the_library_gives(run_cli, tiny_model: Path) -> None:
    out = run_cli("score", "-", "--json", "--model", tiny_model, stdin=TEXT.encode()).out
    result = json.loads(out)
    model = LanguageModel.load(tiny_model)
    (scores,) = model.score([TEXT])
    np.testing.assert_allclose(result["log_prob"], scores.log_prob, rtol=1e-6)
    np.testing.assert_array_equal(result["rank"], scores.rank)
    assert result["tokens_used"] == result["tokens_total"] == len(scores)
    assert result["bits_per_byte"] == pytest.approx(bits_per_byte(scores, model))
    expected = -scores.log_prob.sum() / math.log(2) / len(TEXT.encode())
    assert result["bits_per_byte"] == pytest.approx(float(expected))


def test_a_table_has_a_line_a_token_and_a_summary(run_cli, tiny_model: Path) -> None:
    result = run_cli("score", "-", "--model", tiny_model, stdin=TEXT.encode())
    lines = result.out.splitlines()
    (scores,) = LanguageModel.load(tiny_model).score([TEXT])
    assert len(lines) == len(scores) + 3
    assert lines[1].split() == ["(nats)", "(nats)"]
    assert f"{len(scores)} of {len(scores)} tokens" in lines[-1]
    shares = re.findall(r"(1 to 10|11 to 100|101 to 1000|above 1000) (\d+)%", lines[-1])
    assert len(shares) == 4
    assert sum(int(share) for _, share in shares) == pytest.approx(100, abs=2)
    assert result.err == ""


def test_a_cut_text_is_said_to_be_cut(run_cli, tiny_model: Path) -> None:
    arguments = ("score", "-", "--model", tiny_model, "--max-tokens", 3)
    result = run_cli(*arguments, stdin=TEXT.encode())
    assert "3 of 15 tokens" in result.out
    assert "only the first 3 of 15 tokens were scored" in result.err
    assert run_cli(*arguments, "--quiet", stdin=TEXT.encode()).err == ""


def test_lines_are_scored_in_order(run_cli, tiny_model: Path) -> None:
    records = [{"id": i, "text": TEXT * (i % 3 + 1)} for i in range(20)]
    data = "".join(json.dumps(record) + "\n" for record in records).encode()
    out = run_cli("score", "--jsonl", "-", "--model", tiny_model, stdin=data).out
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["id"] for line in lines] == list(range(20))
    assert lines[0]["rank"] == lines[3]["rank"]


def test_a_damaged_model_is_one_line(run_cli, tiny_model: Path, tmp_path: Path) -> None:
    for file in tiny_model.iterdir():
        if file.name != "manifest.json":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    result = run_cli("score", "-", "--model", tmp_path, stdin=TEXT.encode())
    assert (result.code, result.out) == (1, "")
    assert len(result.err.splitlines()) == 1
    assert "model.safetensors" in result.err


@pytest.mark.parametrize(
    ("units", "expected"),
    [({"amx_bf16": True}, "bf16"), ({"avx512_bf16": True}, "bf16"), ({"avx2": True}, "float32")],
)
def test_auto_takes_bf16_where_the_cpu_has_units_for_it(
    run_cli, tiny_model: Path, monkeypatch, units, expected
) -> None:
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: units)
    arguments = ("score", "-", "--model", tiny_model, "--json")
    result = run_cli(*arguments, "--precision", "auto", stdin=TEXT.encode())
    assert json.loads(result.out)["precision"] == expected
    assert result.err == f"hallmark: {tiny_model} in {expected}\n"
    assert run_cli(*arguments, "--precision", "auto", "-q", stdin=TEXT.encode()).err == ""
    plain = run_cli(*arguments, stdin=TEXT.encode())
    assert (json.loads(plain.out)["precision"], plain.err) == ("float32", "")


@pytest.mark.parametrize("command", ["score", "generate"])
def test_a_device_that_is_not_there_is_one_line(run_cli, tiny_model: Path, command) -> None:
    result = run_cli(command, "-", "--model", tiny_model, "--device", "cuda:99", stdin=b"the")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("hallmark: device 'cuda:99' cannot be used")
    assert len(result.err.splitlines()) == 1
