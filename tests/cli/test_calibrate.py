"""`hallmark calibrate`, `detect --calibration` and `fairness` with a small TF-IDF detector."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hallmark.detect.tfidf import Tfidf, TfidfConfig
from hallmark.outputs.names import TRIAL

WORDS = np.array([f"word{i}" for i in range(30)])


def write_texts(path: Path, n: int, *, tilt: float, seed: int) -> list[str]:
    """JSON lines of 20 random words each; later words are more common with a larger tilt."""
    rng = np.random.default_rng(seed)
    shares = np.exp(tilt * np.linspace(0, 1, len(WORDS)))
    lines = [
        {"text": " ".join(rng.choice(WORDS, 20, p=shares / shares.sum())),
         "who": f"author {i}", "genre": "news" if i % 3 else "poems"}
        for i in range(n)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return [line["text"] for line in lines]


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    human = write_texts(tmp_path / "human.jsonl", 200, tilt=-2, seed=0)
    synthetic = write_texts(tmp_path / "synthetic.jsonl", 200, tilt=2, seed=1)
    out = Tfidf(TfidfConfig(min_df=2))
    out.fit(human + synthetic, [0] * 200 + [1] * 200)
    out.save(tmp_path / "detector")
    write_texts(tmp_path / "own.jsonl", 1500, tilt=-2, seed=2)
    return tmp_path / "detector"


def calibrate(run_cli, folder: Path, *more: object, human: str = "own.jsonl"):
    return run_cli(
        "calibrate", "--human", folder / human, "--detector", folder / "detector", "--out",
        folder / "certificate.json", "--lengths", "10", "--target-fpr", "0.05", *more,
    )  # fmt: skip


def test_a_certificate_gives_verdicts_to_a_detector_without_calibration(
    run_cli, detector: Path
) -> None:
    folder = detector.parent
    made = calibrate(run_cli, folder, "--author", "who", "--domain", "genre", "--dates", "2026")
    assert made.code == 0, made.err
    assert "news" in made.out
    assert "poems" in made.out
    (folder / "text").write_text(" ".join(WORDS[-10:].tolist() * 2), encoding="utf-8")
    options = ("detect", folder / "text", "--detector", detector)
    refused = run_cli(*options)
    assert refused.code == 1
    assert "hallmark calibrate" in refused.err
    told = run_cli(*options, "--calibration", folder / "certificate.json")
    assert told.out.startswith("Likely synthetic.")
    stated = json.loads((folder / "certificate.json").read_text(encoding="utf-8"))
    assert f"Calibration: certificate {stated['sha256'][:12]} (texts of 2026)" in told.out
    verdict = json.loads(
        run_cli(*options, "--calibration", folder / "certificate.json", "--json").out
    )
    assert verdict["calibration"] == {
        "sha256": stated["sha256"], "dates": "2026", "target_fpr": 0.05
    }  # fmt: skip
    assert verdict["false_positive_rate"] == stated["bins"][0]["whole"]["bound"] <= 0.05
    assert verdict["likelihood_ratio"] is None


def test_synthetic_texts_give_likelihood_ratios(run_cli, detector: Path) -> None:
    folder = detector.parent
    assert calibrate(run_cli, folder, "--synthetic", folder / "synthetic.jsonl").code == 0
    lines = run_cli(
        "detect", "--jsonl", folder / "synthetic.jsonl", "--detector", detector,
        "--calibration", folder / "certificate.json",
    ).out.splitlines()  # fmt: skip
    assert all(json.loads(line)["likelihood_ratio"] > 0 for line in lines)
    assert "sha256" in json.loads(lines[0])["calibration"]


def test_no_text_is_in_the_certificate_and_too_few_are_refused(run_cli, detector: Path) -> None:
    folder = detector.parent
    write_texts(folder / "few.jsonl", 40, tilt=-2, seed=3)
    result = calibrate(run_cli, folder, human="few.jsonl")
    assert "no claim" in result.out
    assert "more without an error are needed" in result.out
    assert "word1" not in (folder / "certificate.json").read_text(encoding="utf-8")
    (folder / "text").write_text(" ".join(WORDS[-10:].tolist() * 2), encoding="utf-8")
    told = run_cli("detect", folder / "text", "--detector", detector, "--calibration",
                   folder / "certificate.json")  # fmt: skip
    assert told.out.startswith("Cannot tell.")
    assert "more without an error are needed" in told.out
    short = run_cli("detect", "-", "--detector", detector, "--calibration",
                    folder / "certificate.json", stdin=b"word1 word2")  # fmt: skip
    assert "the certificate begins at 10" in short.out


def test_certificates_that_are_refused(run_cli, detector: Path) -> None:
    folder = detector.parent
    calibrate(run_cli, folder)
    path = folder / "certificate.json"
    whole = json.loads(path.read_text(encoding="utf-8"))

    def message(content: object) -> str:
        path.write_text(json.dumps(content), encoding="utf-8")
        result = run_cli("detect", folder / "own.jsonl", "--jsonl", "--detector", detector,
                         "--calibration", path)  # fmt: skip
        assert result.code == 1
        assert len(result.err.splitlines()) == 1
        return result.err

    whole["settings"]["target_fpr"] = 0.001
    assert "was changed after it was made" in message(whole)
    assert "is no certificate" in message({"kind": "tfidf"})
    assert "another version" in message({"kind": whole["kind"], "version": 0})
    assert "must hold a JSON object" in message([])
    absent = run_cli("detect", path, "--detector", detector, "--calibration", folder / "absent")
    assert "absent is no file" in absent.err
    calibrate(run_cli, folder)
    other = Tfidf(TfidfConfig(min_df=1))
    other.fit(["one two", "three four"], [0, 1])
    other.save(detector)
    result = run_cli("detect", folder / "own.jsonl", "--jsonl", "--detector", detector,
                     "--calibration", path)  # fmt: skip
    assert "made with another detector" in result.err


def test_lines_without_the_field(run_cli, detector: Path) -> None:
    result = calibrate(run_cli, detector.parent, "--author", "nobody")
    assert result.code == 1
    assert "text 1 has no 'nobody'" in result.err


def test_fairness_by_group(run_cli, detector: Path) -> None:
    folder = detector.parent
    calibrate(run_cli, folder)
    given = ("--human", folder / "own.jsonl", "--group", "genre", "--lengths", "10")
    made_with = ("--detector", detector, "--calibration", folder / "certificate.json")
    options = ("fairness", *given, *made_with)
    table = run_cli(*options)
    assert table.code == 0, table.err
    assert "| 10 | news | " in table.out
    found = json.loads(run_cli(*options, "--json").out)
    assert {rate["group"]: rate["rate"]["n"] for rate in found["rates"]} == {
        "news": 1000, "poems": 500
    }  # fmt: skip


def test_practice_texts_claim_nothing(run_cli, detector: Path) -> None:
    folder = detector.parent
    write_texts(folder / "at-hand.test.jsonl", 1500, tilt=-2, seed=2)
    assert TRIAL not in calibrate(run_cli, folder).out
    made = calibrate(run_cli, folder, human="at-hand.test.jsonl")
    assert made.out.startswith(TRIAL)
    assert "no claim: practice texts." in made.out
    assert "score above" not in made.out
    (folder / "text").write_text(" ".join(WORDS[-10:].tolist() * 2), encoding="utf-8")
    made_with = ("--detector", detector, "--calibration", folder / "certificate.json")
    told = run_cli("detect", folder / "text", *made_with)
    assert told.out.startswith("Cannot tell.\n  Why: the certificate was made with practice texts")
    assert json.loads(run_cli("detect", folder / "text", *made_with, "--json").out)["score"] is None
    own = ("--human", folder / "own.jsonl", "--group", "genre", "--lengths", "10")
    refused = run_cli("fairness", *own, *made_with)
    assert refused.code == 1
    assert "nothing is ever flagged" in refused.err
    calibrate(run_cli, folder)
    given = (*own, "--human", folder / "at-hand.test.jsonl")
    assert TRIAL not in run_cli("fairness", *own, *made_with).out
    assert TRIAL in run_cli("fairness", *given, *made_with).out
    assert json.loads(run_cli("fairness", *given, *made_with, "--json").out)["practice"] is True
    marked = {**json.loads((folder / "own.jsonl").read_text().splitlines()[0]), "practice": True}
    with (folder / "own.jsonl").open("a") as file:  # as where files are joined or renamed
        file.write(json.dumps(marked) + "\n")
    assert calibrate(run_cli, folder).out.startswith(TRIAL)
