"""`hallmark generate` through the program, with a tiny random model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hallmark.cli import generate
from hallmark.lm.model import LanguageModel
from hallmark.lm.sampling import SamplingParams, document_seed

FIELDS = ["id", "prompt", "text", "tokens", "ended", "seed"]
SHORT = ("--max-tokens", 8)


def records(out: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines()]


def test_the_text_is_what_the_library_writes(run_cli, tiny_model: Path) -> None:
    result = run_cli("generate", "the end", "--model", tiny_model, *SHORT, "--seed", 3)
    params = SamplingParams(max_tokens=8, seed=3)
    (expected,) = LanguageModel.load(tiny_model).generate(["the end"], params)
    assert result.code == 0
    assert result.out == expected.text + "\n"
    assert f"8 tokens, document seed {document_seed(3, '', '', 0)}" in result.err


def test_a_reported_seed_writes_its_text_again(run_cli, tiny_model: Path) -> None:
    shared = ("--model", tiny_model, *SHORT)
    out = run_cli("generate", "the", "--n", 3, "--jsonl", "--seed", 5, *shared).out
    third = records(out)[2]
    again = run_cli("generate", "the", "--document-seed", third["seed"], "--jsonl", *shared)
    (record,) = records(again.out)
    assert (record["text"], record["seed"]) == (third["text"], third["seed"])


def test_a_document_seed_is_for_one_text(run_cli, tiny_model: Path) -> None:
    for more in (("the", "--n", 2), ("-", "--jsonl")):
        result = run_cli("generate", *more, "--document-seed", 1, "--model", tiny_model)
        assert result.code == 2
        assert "--document-seed writes one text" in result.err


def test_a_bad_line_takes_its_place_and_the_others_keep_theirs(run_cli, tiny_model: Path) -> None:
    arguments = ("generate", "-", "--jsonl", "--n", 2, "--model", tiny_model, *SHORT, "--quiet")
    good = b'{"prompt": "a"}\n{"prompt": "b"}\n{"prompt": "c"}\n'
    bad = good.replace(b'{"prompt": "b"}', b'{"prompt": 3}')
    whole, broken = run_cli(*arguments, stdin=good), run_cli(*arguments, stdin=bad)
    kept = records(whole.out)
    assert [r["id"] for r in records(broken.out)] == ["1-1", "1-2", 2, "3-1", "3-2"]
    assert [r for r in records(broken.out) if "error" not in r] == kept[:2] + kept[4:]
    assert (whole.code, broken.code) == (0, 1)
    assert "1 of 5 texts could not be read" in broken.err
    only = run_cli(*arguments, stdin=b"{}")
    assert only.code == 1
    assert "error" in records(only.out)[0]


def test_quiet_says_nothing_more(run_cli, tiny_model: Path) -> None:
    assert run_cli("generate", "the", "--model", tiny_model, *SHORT, "--quiet").err == ""


def test_several_texts_are_numbered_and_differ(run_cli, tiny_model: Path) -> None:
    out = run_cli("generate", "the", "--n", 3, "--model", tiny_model, *SHORT).out
    assert [f"--- text {i}, " in out for i in (1, 2, 3, 4)] == [True, True, True, False]
    lines = run_cli("generate", "the", "--n", 3, "--jsonl", "--model", tiny_model, *SHORT).out
    assert len({line["text"] for line in records(lines)}) == 3


def test_a_line_has_every_field(run_cli, tiny_model: Path) -> None:
    out = run_cli("generate", "the", "--jsonl", "--model", tiny_model, *SHORT).out
    (line,) = records(out)
    assert list(line)[: len(FIELDS)] == FIELDS
    assert (line["id"], line["prompt"], len(line["tokens"])) == (1, "the", 8)


def test_prompts_on_lines_are_each_answered_in_order(run_cli, tiny_model: Path) -> None:
    lines = [{"id": f"d{i}", "prompt": "the " * (i % 5)} for i in range(40)]
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    arguments = ("generate", "-", "--jsonl", "--model", tiny_model, *SHORT)
    written = records(run_cli(*arguments, stdin=data).out)
    assert [w["id"] for w in written] == [line["id"] for line in lines]
    assert [w["prompt"] for w in written] == [line["prompt"] for line in lines]
    alone = records(run_cli(*arguments, stdin=data.splitlines()[0]).out)
    assert alone == written[:1]


def test_several_texts_for_each_line_have_ids_of_their_own(run_cli, tiny_model: Path) -> None:
    data = b'{"id": "a", "prompt": "x"}\n{"id": "b", "text": "y"}\n'
    out = run_cli("generate", "-", "--jsonl", "--n", 2, "--model", tiny_model, *SHORT, stdin=data)
    assert [r["id"] for r in records(out.out)] == ["a-1", "a-2", "b-1", "b-2"]


def test_json_is_one_object(run_cli, tiny_model: Path) -> None:
    out = run_cli("generate", "the", "--n", 2, "--json", "--model", tiny_model, *SHORT).out
    (whole,) = records(out)
    assert len(whole["generations"]) == 2
    assert whole["params"]["max_tokens"] == 8


def test_standard_input_is_the_prompt_without_its_last_newline(run_cli, tiny_model: Path) -> None:
    arguments = ("generate", "--json", "--model", tiny_model, *SHORT)
    piped = run_cli(*arguments, "-", stdin=b"the end\n").out
    assert piped == run_cli(*arguments, "the end").out


def test_nothing_to_go_on_from(run_cli, tiny_model: Path) -> None:
    arguments = ("generate", "--json", "--model", tiny_model, *SHORT)
    nothing = run_cli(*arguments, "--unconditional").out
    assert nothing == run_cli(*arguments, "").out == run_cli(*arguments, "-").out
    assert run_cli("generate").code == 2
    assert run_cli("generate", "x", "--unconditional").code == 2


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--temperature", "-1"), ("--top-p", "2"), ("--repetition-penalty", "0"),
        ("--stop", ""), ("--seed", "-1"), ("--model", "wrong"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_line(run_cli, tiny_model: Path, option: str, value: str) -> None:
    result = run_cli("generate", "x", "--model", tiny_model, option, value)
    assert result.code == 1
    assert result.out == ""
    assert len(result.err.splitlines()) == 1


def test_a_terminal_sees_the_text_grow(run_cli, tiny_model: Path, monkeypatch) -> None:
    arguments = ("generate", "the", "--model", tiny_model, *SHORT)
    piped = run_cli(*arguments).out
    monkeypatch.setattr(generate, "on_terminal", lambda: True)
    assert run_cli(*arguments).out == generate.printable(piped)
