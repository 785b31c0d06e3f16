"""`hallmark attack` through the program, with a stand-in for the bundled detector."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from hallmark.detect import judge
from hallmark.outputs.names import TRIAL
from hallmark.outputs.outputset import describe, write_outputs


class Counting:
    """More letters e, more synthetic."""

    def score(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([t.count("e") / (len(t) + 1) for t in texts])


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(judge, "load_scorer", lambda name, home: Counting())
    rows = [{"text": f"A dog ran to our barn at {i} o'clock. " * 3, "label": "human"}
            for i in range(60)]  # fmt: skip
    rows += [{"text": f"The steep fee exceeded {i} cents here. " * 3, "label": 1}
             for i in range(30)]  # fmt: skip
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_table_in_markdown_and_json(run_cli, texts: Path) -> None:
    shown = run_cli("attack", texts)
    assert shown.code == 0, shown.err
    lines = shown.out.splitlines()
    assert "n = 30 synthetic texts; thresholds from 30 human texts, on 30 others" in lines[0]
    assert [line.split(" | ")[0] for line in lines[4:6]] == ["| none", "| alternative-spelling"]
    assert len(lines) == 4 + 11
    assert "Not run: paraphrase" in shown.err
    result = run_cli("attack", "--json", "--only", "homoglyph", "-", stdin=texts.read_bytes())
    found = json.loads(result.out)
    none, homoglyph = found["rows"]
    assert none["raw"]["tpr"]["value"] == homoglyph["cleaned"]["tpr"]["value"] == 1
    assert homoglyph["raw"]["tpr"]["value"] == 0
    assert homoglyph["tampered"] == {"value": 1.0, "low": pytest.approx(0.886, abs=1e-3),
                                     "high": 1.0, "n": 30}  # fmt: skip


def test_an_output_set_and_a_file_of_people(run_cli, texts: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    rows = texts.read_text(encoding="utf-8").splitlines()
    human = tmp_path / "human.jsonl"
    human.write_text("\n".join(rows[:60]), encoding="utf-8")
    file = folder / "small-117M.test.jsonl"
    records = [{"id": i, "ended": True, "length": 9, "text": json.loads(row)["text"]}
               for i, row in enumerate(rows[60:])]  # fmt: skip
    file.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    files = {file.name: describe(file, documents=30, tokens=270)}
    write_outputs(folder, corpora={"small-117M": {"label": "synthetic"}}, files=files)
    done = run_cli("attack", folder, "--human", human, "--words", 12, "--only", "misspelling")
    assert done.code == 0, done.err
    assert "n = 30 synthetic texts" in done.out
    assert TRIAL not in done.out
    practice = human.rename(tmp_path / "at-hand.test.jsonl")
    again = run_cli("attack", folder, "--human", practice, "--words", 12, "--only", "misspelling")
    assert again.out == f"{done.out}\n{TRIAL}\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--only", "nonsense"], "no attack is called 'nonsense'; use alternative-spelling"),
        (["--only", "paraphrase"], "paraphrase needs a model of yours"),
        (["--words", "999"], "a table needs 40 human texts"),
        (["--paraphraser", "nowhere"], "nowhere holds no model"),
        (["--synonyms", "nowhere"], "nowhere: no such file"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(options: list[str], said: str, run_cli, texts) -> None:
    result = run_cli("attack", texts, *options)
    assert result.code == 1
    assert said in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    "row",
    [{"text": "a"}, {"text": "a", "label": 2}, {"text": "a", "label": True}, {"label": "human"}],
)
def test_a_line_without_text_or_label_is_named(row: dict, run_cli, texts: Path) -> None:
    result = run_cli("attack", "-", stdin=json.dumps(row).encode())
    assert result.code == 1
    assert "standard input, line 1" in result.err
