"""What comes with the package: real weights, a real detector, and what they promise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hallmark.detect.combination import DISCRIMINATOR
from hallmark.detect.judge import Judge, load_detector
from hallmark.detect.verdict import BUNDLED_DETECTOR, Band
from hallmark.lm.model import LanguageModel
from hallmark.models.folder import check_manifest
from hallmark.models.sizes import BUNDLED, SIZES

RUNGS = [size for size in SIZES if size.bundled]
HUMAN = (BUNDLED / "texts" / "human.txt").read_text(encoding="utf-8")
MEGABYTES = 2**20


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    return load_detector(BUNDLED_DETECTOR, home=tmp_path_factory.mktemp("home"))


def test_everything_bundled_is_under_60_mb_and_matches_its_hashes() -> None:
    files = [p for p in BUNDLED.rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) < 60_000_000
    detector = BUNDLED / "detector"
    for folder in [*(BUNDLED / size.name for size in RUNGS), detector, detector / DISCRIMINATOR]:
        assert (folder / "manifest.json").is_file()
        check_manifest(folder)


def test_nothing_bundled_is_pickled() -> None:
    kinds = {p.suffix for p in BUNDLED.rglob("*") if p.is_file()}
    assert kinds <= {".safetensors", ".json", ".bpe", ".md", ".txt"}


def test_a_larger_rung_predicts_held_out_text_better() -> None:
    facts = [
        json.loads((BUNDLED / size.name / "config.json").read_text())["training"] for size in RUNGS
    ]
    bits = [f["bits_per_byte"] for f in facts]
    assert bits == sorted(bits, reverse=True)
    assert len(set(bits)) == len(bits)
    assert len({(f["tokens"], f["steps"], tuple(f["data"])) for f in facts}) == 1


@pytest.mark.parametrize("size", RUNGS, ids=lambda size: size.name)
def test_a_rung_has_its_shape_and_finds_english_likelier_than_shuffled_words(size) -> None:  # type: ignore[no-untyped-def]
    model = LanguageModel.load(BUNDLED / size.name)
    assert model.network.config == size.config
    words = HUMAN.split()[:80]
    plain, shuffled = model.score([" ".join(words), " ".join(sorted(words))])
    assert plain.log_prob.mean() > shuffled.log_prob.mean() + 0.3


def test_the_detector_abstains_on_one_word_and_says_why(judge: Judge) -> None:
    verdict = judge.judge(["Tomorrow."])[0]
    assert verdict.band is Band.CANNOT_TELL
    assert verdict.probability is None
    assert "tokens" in verdict.reason


def test_the_detector_abstains_on_what_is_not_english(judge: Judge) -> None:
    text = "Der Hund lief gestern durch den alten Garten und suchte seinen Knochen. " * 20
    verdict = judge.judge([text])[0]
    assert verdict.band is Band.CANNOT_TELL
    assert "English" in verdict.reason


def test_a_human_text_is_not_called_synthetic_and_every_number_has_its_n(judge: Judge) -> None:
    verdict = judge.judge([HUMAN])[0]
    assert verdict.band is not Band.LIKELY_SYNTHETIC
    assert verdict.false_positive_n
    assert verdict.false_positive_n >= 100
    assert verdict.false_positive_rate is not None


def test_a_loop_is_not_judged(judge: Judge) -> None:
    (verdict,) = judge.judge(["The city is the best city in all of the land by the sea. " * 60])
    assert verdict.band is Band.CANNOT_TELL
    assert verdict.probability is None
    assert "repeats itself" in verdict.reason


def test_alone_and_among_others_a_text_gets_one_verdict(judge: Judge) -> None:
    texts = [HUMAN[start : start + 500] for start in range(0, 1500, 300)]
    assert judge.judge(texts) == [judge.judge([text])[0] for text in texts]


def peak_memory(path: Path) -> int:
    """Bytes of resident memory at most, of a process that judges the file."""
    program = (
        "import resource, sys; from hallmark.cli.main import main; code = main(sys.argv[1:]); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, file=sys.stderr); "
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "detect", str(path), "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["tokens_total"] > 0
    return int(done.stderr.split()[-1])


def test_ten_megabytes_are_judged_in_bounded_memory(tmp_path: Path) -> None:
    page, book = tmp_path / "page.txt", tmp_path / "book.txt"
    page.write_text(HUMAN * 4, encoding="utf-8")  # so much is read of either
    book.write_text(HUMAN * (10_000_000 // len(HUMAN)), encoding="utf-8")
    assert peak_memory(book) - peak_memory(page) < 120 * MEGABYTES
