"""`hallmark eval-lm`: both protocols side by side, and one line where something is wrong."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

PASSAGES = "".join(json.dumps({"text": f"the text {i} is the {i}"}) + "\n" for i in range(20))


def test_protocols_stand_side_by_side(run_cli, tiny_model: Path, tmp_path: Path) -> None:
    lambada, wikitext = tmp_path / "lambada.jsonl.gz", tmp_path / "wiki.txt"
    lambada.write_bytes(gzip.compress(PASSAGES.encode()))
    wikitext.write_text(" = It = \n \n The th , the . \n")
    done = run_cli(
        "eval-lm", "--model", tiny_model, "--lambada", lambada, "--wikitext2", wikitext,
        "--text", wikitext, "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    rows = json.loads(done.out)["results"]
    assert [(r["task"], r["protocol"]) for r in rows] == [
        ("lambada", "strict"), ("lambada", "paper"), ("wikitext2", "strict"),
        ("wikitext2", "paper"), (str(wikitext), "strict"),
    ]  # fmt: skip
    assert rows[0]["n"] == 20
    assert rows[2]["bits_per_byte"] == rows[4]["bits_per_byte"]
    assert rows[2]["perplexity"] != rows[3]["perplexity"]
    assert all(row["published"] is None for row in rows)
    done = run_cli("eval-lm", "--model", tiny_model, "--lambada", lambada, "--limit", "5")
    assert "strict" in done.out
    assert "[0.0000," in done.out


def test_published_figures_stand_beside(capsys) -> None:
    from hallmark.cli.eval_lm import print_table

    values = {"accuracy": 0.44, "accuracy_interval": [0.42, 0.46], "perplexity": 36.5}
    beside = {"accuracy": 0.4599, "perplexity": 35.13}
    print_table([{"task": "lambada", "protocol": "paper", **values, "published": beside}])
    out = capsys.readouterr().out
    assert "0.4400 (paper: 0.4599) [0.4200, 0.4600]" in out
    assert "36.50 (paper: 35.13)" in out


def test_a_text_is_shown_with_its_size_and_no_empty_column(
    run_cli, tiny_model: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.txt"
    own.write_text("the text, the end")
    done = run_cli("eval-lm", "--model", tiny_model, "--text", own, "--quiet")
    head, row = done.out.splitlines()
    assert head.split() == ["task", "protocol", "tokens", "bytes", "bits", "per", "byte"]
    assert row.split()[-2] == "17"
    assert int(row.split()[-3]) < 17


def test_a_model_that_is_far_off_has_no_finite_perplexity() -> None:
    from hallmark.stats import perplexity

    assert perplexity(1e6) == float("inf")
    assert perplexity(0.0) == 1.0


def test_what_is_wrong_is_one_line(run_cli, tiny_model: Path, tmp_path: Path) -> None:
    done = run_cli("eval-lm", "--model", tiny_model)
    assert done.code == 2
    assert "give at least one of --lambada" in done.err
    done = run_cli("eval-lm", "--model", tiny_model, "--lambada", tmp_path / "missing")
    assert done.code == 1
    assert len(done.err.splitlines()) == 1
    done = run_cli("eval-lm", "--model", tiny_model, "--text", "-", stdin=b"")
    assert (done.code, "standard input is empty" in done.err) == (1, True)


def test_lambada_comes_from_standard_input_too(run_cli, tiny_model, tmp_path) -> None:
    file = tmp_path / "lambada.jsonl"
    file.write_text(PASSAGES)
    arguments = ("eval-lm", "--model", tiny_model, "--json", "--lambada")
    piped = run_cli(*arguments, "-", stdin=PASSAGES.encode())
    assert piped.code == 0
    assert piped.out == run_cli(*arguments, file).out


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(PASSAGES.encode(), mtime=0)[:-9]])
def test_a_gzip_file_that_is_not_whole_is_one_line(
    content: bytes, run_cli, tiny_model, tmp_path
) -> None:
    file = tmp_path / "lambada.jsonl.gz"
    file.write_bytes(content)
    done = run_cli("eval-lm", "--model", tiny_model, "--lambada", file)
    assert done.code == 1
    assert "is not a whole gzip file" in done.err
    assert "fetch it again" in done.err
    assert done.err.count("\n") == 1
