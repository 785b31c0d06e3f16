"""`hallmark detect` through the program, with a stand-in for the bundled detector."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hallmark.models.sizes import BUNDLED

HUMAN = "Nobody sees the wind but that is no sign"
FIELDS = ["id", "score", "probability", "likelihood_ratio", "band", "tokens_used", "tokens_total"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("the robot wrote all of this\n", encoding="utf-8")
    return path


def test_a_verdict_says_how_it_looks_and_how_often_that_errs(run_cli, judge, file) -> None:
    result = run_cli("detect", file)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "Likely synthetic.",
        "  Probability synthetic: 95%, if 50% of such texts are synthetic before this one is read.",
        "  Such a score is about 19 times as common in synthetic as in human text.",
        "  Human texts of this length that score as high: at most 2.1% (95 % bound, n = 800).",
        "  Tokens used: 6 of 6.",
        "  A verdict is evidence, and no ground for an accusation on its own.",
    ]


def test_the_help_says_that_a_verdict_accuses_nobody(run_cli) -> None:
    assert "no ground for an accusation" in " ".join(run_cli("detect", "--help").out.split())


def test_nothing_says_that_a_machine_wrote_it(run_cli, judge, file) -> None:
    out = run_cli("detect", file).out + run_cli("detect", "-", stdin=HUMAN.encode()).out
    assert "written" not in out
    assert " AI" not in out


def test_a_short_text_is_not_judged_and_told_why(run_cli, judge) -> None:
    result = run_cli("detect", "-", stdin=b"one")
    assert result.code == 0
    assert result.out.startswith("Cannot tell.\n  Why: 1 words are too few")
    assert "Probability" not in result.out


def test_the_prior_is_the_callers(run_cli, judge, file) -> None:
    verdict = json.loads(run_cli("detect", "--json", "--prior", "0.01", file).out)
    assert verdict["prior"] == 0.01
    assert verdict["probability"] == pytest.approx(0.19 / (0.19 + 0.99))
    assert verdict["band"] == "likely synthetic"


def test_lines_come_out_in_order_with_every_field(run_cli, judge, tmp_path: Path) -> None:
    records = [{"id": f"d{i}", "text": HUMAN if i % 2 else "one"} for i in range(50)]
    data = "".join(json.dumps(record) + "\n" for record in records).encode()
    result = run_cli("detect", "--jsonl", "-", stdin=data)
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert result.code == 0
    assert [line["id"] for line in lines] == [record["id"] for record in records]
    assert all(list(line)[: len(FIELDS)] == FIELDS for line in lines)
    assert [line["score"] is None for line in lines] == [i % 2 == 0 for i in range(50)]
    assert max(judge.batches) <= 16


def test_a_bad_line_is_a_record_in_its_place_and_the_run_fails_at_its_end(run_cli, judge) -> None:
    good = json.dumps({"text": HUMAN}).encode()
    data = b"\n".join([good, b"{", b"", b'{"id": "b", "txt": 1}', good])
    result = run_cli("detect", "--jsonl", "-", stdin=data)
    assert result.code == 1
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [line["id"] for line in lines] == [1, 2, "b", 4]
    assert [line.get("line") for line in lines] == [None, 2, 4, None]
    assert lines[1]["error"].startswith("standard input, line 2 is not JSON")
    assert 'line 4 has no "text"' in lines[2]["error"]
    assert lines[3]["band"] == "likely human"
    assert result.err == (
        "hallmark: 2 of 4 lines of standard input could not be read; see their errors\n"
    )


def test_several_files_in_order_one_of_them_bad(run_cli, judge, file, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text(HUMAN, encoding="utf-8")
    arguments = ("detect", file, tmp_path / "absent", other)
    result = run_cli(*arguments)
    assert result.code == 1
    heads = [line for line in result.out.splitlines() if not line.startswith("  ")]
    assert heads == [f"{file}:", f"{other}:"]
    assert "  Likely synthetic." in result.out
    assert "  Likely human." in result.out
    absent, count = result.err.splitlines()
    assert "is not there" in absent
    assert count == "hallmark: 1 of 3 files could not be read; see their errors"
    found = json.loads(run_cli(*arguments, "--json").out)["verdicts"]
    assert [Path(f["file"]).name for f in found] == ["text.txt", "absent", "other.txt"]
    assert ["error" in f for f in found] == [False, True, False]
    assert run_cli("detect", file, other, "--json").code == 0


def test_lines_of_several_files_say_whose_they_are(run_cli, judge, tmp_path: Path) -> None:
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path in files:
        path.write_text(json.dumps({"text": HUMAN}) + "\n", encoding="utf-8")
    out = run_cli("detect", "--jsonl", *files).out
    assert [json.loads(line)["file"] for line in out.splitlines()] == [str(f) for f in files]


@pytest.mark.parametrize("command", ["detect", "score", "generate"])
def test_one_object_or_one_a_line(run_cli, command: str) -> None:
    result = run_cli(command, "--json", "--jsonl", "-")
    assert result.code == 2
    assert "--json (one object) or --jsonl (one a line), not both" in result.err


def test_json_lines_are_not_judged_as_one_text(run_cli, judge, tmp_path: Path) -> None:
    line = json.dumps({"text": HUMAN}) + "\n"
    (tmp_path / "texts.txt").write_text("\n" + line * 2, encoding="utf-8")
    for given in ({"stdin": line.encode()}, {}):
        result = run_cli("detect", "-" if given else tmp_path / "texts.txt", **given)
        assert result.code == 1
        assert result.err.endswith("holds JSON lines, not one text; use --jsonl\n")
    result = run_cli("detect", tmp_path / "texts.txt", tmp_path / "texts.txt")
    assert result.err.count("holds JSON lines") == 2


@pytest.mark.parametrize("text", ['{"note": 1}\n', "{text}\n", '["text"]\n'])
def test_what_only_looks_like_json_lines_is_a_text(run_cli, judge, text: str) -> None:
    assert run_cli("detect", "-", stdin=text.encode()).code == 0


def test_standard_input_is_read_once(run_cli, judge) -> None:
    assert run_cli("detect", "-", "-").code == 2


@pytest.mark.parametrize("prior", ["0", "1", "-1", "nan", "x"])
def test_a_prior_that_is_none_is_wrong_usage(run_cli, judge, file, prior: str) -> None:
    result = run_cli("detect", "--prior", prior, file)
    assert result.code == 2
    assert "--prior" in result.err
    assert "hallmark detect --help" in result.err


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("empty", "is empty"),
        ("latin1", "is not UTF-8 at byte 3"),
        ("nul", "has a NUL at byte 1"),
        ("utf16", "is in UTF-16; save it as UTF-8 (`iconv -f UTF-16"),
        ("folder", "is a directory"),
        ("absent", "is not there"),
    ],
)
def test_a_wrong_file_is_one_line(run_cli, judge, tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "latin1").write_bytes("naïve Wörter".encode("latin-1").replace(b"\xef", b"i\xef"))
    (tmp_path / "nul").write_bytes(b"a\0b")
    (tmp_path / "utf16").write_bytes("a text".encode("utf-16"))
    (tmp_path / "folder").mkdir()
    result = run_cli("detect", tmp_path / name)
    assert result.code == 1
    assert result.out == ""
    assert result.err.startswith("hallmark: ")
    assert message in result.err
    assert len(result.err.splitlines()) == 1


def test_a_wrong_detector_is_one_line(run_cli, judge, file) -> None:
    result = run_cli("detect", "--detector", "missing", file)
    assert result.code == 1
    assert result.err == "hallmark: no detector is called 'missing'; use 'bundled' or a folder\n"


def test_a_tampered_text_is_said_to_be(run_cli, tmp_path: Path) -> None:
    human = (BUNDLED / "texts" / "human.txt").read_text(encoding="utf-8")[:1200]
    file = tmp_path / "tampered.txt"
    file.write_text("\u200b".join(human), encoding="utf-8")
    out = run_cli("detect", file).out
    assert "Tampered with:" in out
    assert "hidden characters inside words. Repaired before it was judged." in out
    plain = json.loads(run_cli("detect", "--json", "-", stdin=human.encode()).out)
    found = json.loads(run_cli("detect", "--json", file).out)
    assert found.pop("tampered")
    assert found.pop("raw_score") != plain.pop("raw_score")
    assert found.pop("repairs")["invisible"] > 100
    assert (plain.pop("tampered"), plain.pop("repairs")) == (False, {})
    assert found == plain
