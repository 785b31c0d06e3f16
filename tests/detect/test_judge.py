"""Bands, priors and abstentions; which detector is loaded, and what is said of a wrong one."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from hallmark.detect import judge as module
from hallmark.detect.calibration import Bound, Calibration, Reference
from hallmark.detect.combination import Combination
from hallmark.detect.detector import KINDS, Examined
from hallmark.detect.judge import CLAIM_AT, Judge, decide, load_class, load_detector
from hallmark.detect.tfidf import Tfidf, TfidfConfig
from hallmark.detect.verdict import Band

SHORTEST = 16


class Scripted:
    """Gives the score that the text spells, for as many tokens as it has words."""

    def __init__(self) -> None:
        spread = np.linspace(-1, 1, 200)
        reference = Reference(SHORTEST, {"news": spread - 3, "prose": spread[:150] - 2}, spread + 3)
        self.calibration = Calibration((reference,), np.array([1.0]), np.array([0.0]))
        self.batches: list[int] = []

    def examine(self, texts: Sequence[str]) -> list[Examined]:
        self.batches.append(len(texts))
        found = []
        for text in texts:
            words = text.split()
            score = float(words[0]) if words else math.nan
            strange = "it is in French" if "bonjour" in words else ""
            found.append(Examined(score, len(words), 2 * len(words), strange))
        return found


def text(score: float, *, words: int = 20, more: str = "x") -> str:
    return " ".join([str(score), *[more] * (words - 1)])


@pytest.fixture
def judge() -> Judge:
    return Judge(Scripted())


def test_a_high_score_is_likely_synthetic(judge: Judge) -> None:
    (verdict,) = judge.judge([text(3.0)])
    assert verdict.band is Band.LIKELY_SYNTHETIC
    assert verdict.score == 3
    assert verdict.likelihood_ratio == pytest.approx(math.exp(3))
    assert verdict.probability == pytest.approx(1 / (1 + math.exp(-3)))
    assert verdict.false_positive_n == 150  # nobody errs; the smaller group bounds it less
    assert verdict.false_positive_rate == pytest.approx(1 - 0.05 ** (1 / 150), rel=1e-6)
    assert (verdict.tokens_used, verdict.tokens_total) == (20, 40)
    assert verdict.reason == ""


def test_a_low_score_is_likely_human_and_one_between_is_neither(judge: Judge) -> None:
    low, between = judge.judge([text(-3.0), text(-1.9)])
    assert low.band is Band.LIKELY_HUMAN
    assert low.probability is not None
    assert low.probability < 0.05
    assert between.band is Band.LIKELY_HUMAN  # no synthetic text scores as low
    overlapping = Scripted()
    reference = Reference(SHORTEST, {"news": np.linspace(-9, 9, 50)}, np.linspace(-8, 10, 50))
    overlapping.calibration = Calibration((reference,), np.array([1.0]), np.array([0.0]))
    (unsure,) = Judge(overlapping).judge([text(1.0)])
    assert unsure.band is Band.CANNOT_TELL
    assert unsure.score == 1
    assert "22 of 50 human texts of this length score as high" in unsure.reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the text has 0 tokens; below 16 nothing can be said"),
        (text(9.0, words=15), "the text has 15 tokens; below 16 nothing can be said"),
        (text(9.0, more="bonjour"), "it is in French"),
    ],
)
def test_it_abstains_and_says_why(judge: Judge, text: str, reason: str) -> None:
    (verdict,) = judge.judge([text], prior=0.2)
    assert verdict.band is Band.CANNOT_TELL
    assert verdict.reason == reason
    assert verdict.prior == 0.2
    claims = (
        verdict.score, verdict.probability, verdict.likelihood_ratio,
        verdict.false_positive_rate, verdict.false_positive_n,
        verdict.false_negative_rate, verdict.false_negative_n,
    )  # fmt: skip
    assert claims == (None,) * 7


def test_the_prior_moves_the_probability_and_nothing_else(judge: Judge) -> None:
    (even,) = judge.judge([text(2.0)])
    (rare,) = judge.judge([text(2.0)], prior=0.2)
    odds = math.exp(2) * 0.2 / 0.8
    assert rare.probability == pytest.approx(odds / (1 + odds))
    assert (rare.band, rare.likelihood_ratio) == (even.band, even.likelihood_ratio)
    assert even.probability is not None
    assert rare.probability is not None
    assert rare.probability < even.probability


@pytest.mark.parametrize(
    ("score", "prior", "said"), [(2.0, 0.01, "7%"), (2.0, 0.001, "under 1%"), (-3.0, 0.99, "83%")]
)
def test_no_band_is_claimed_against_the_prior(
    judge: Judge, score: float, prior: float, said: str
) -> None:
    (even,) = judge.judge([text(score)])
    (verdict,) = judge.judge([text(score)], prior=prior)
    assert even.band is not Band.CANNOT_TELL
    assert verdict.band is Band.CANNOT_TELL
    assert f"where {100 * prior:.3g}% of such texts are synthetic" in verdict.reason
    assert verdict.reason.endswith(f"the probability that this one is synthetic is {said}")
    assert (verdict.score, verdict.likelihood_ratio) == (even.score, even.likelihood_ratio)


def test_both_bounds_have_their_n(judge: Judge) -> None:
    low, high = judge.judge([text(-3.0), text(3.0)])
    assert (low.false_negative_n, high.false_negative_n) == (200, 200)
    assert low.false_negative_rate == pytest.approx(1 - 0.05 ** (1 / 200), rel=1e-6)
    assert high.false_negative_rate is not None
    assert high.false_negative_rate > 0.4


@pytest.mark.parametrize("prior", [0, 1, -0.1, 2, math.nan, math.inf])
def test_a_prior_out_of_range(judge: Judge, prior: float) -> None:
    with pytest.raises(ValueError, match="the prior must lie above 0 and below 1"):
        judge.judge(["x"], prior=prior)


@pytest.mark.parametrize("score", [5000.0, -5000.0])
@pytest.mark.parametrize("prior", [5e-324, 0.5, 1 - 2**-53])
def test_extreme_numbers_stay_numbers(judge: Judge, score: float, prior: float) -> None:
    (verdict,) = judge.judge([text(score)], prior=prior)
    assert verdict.probability is not None
    assert 0 <= verdict.probability <= 1
    assert math.isfinite(verdict.likelihood_ratio or 0)


def test_verdicts_in_order(judge: Judge) -> None:
    verdicts = judge.judge([text(i / 10) for i in range(30)])
    assert [v.score for v in verdicts] == [i / 10 for i in range(30)]
    assert judge.judge([]) == []


def test_the_last_bits_of_a_score_change_nothing(judge: Judge) -> None:
    """A batch of another shape changes a score by about 1e-7."""
    first, second = judge.judge([text(1.2340001), text(1.2339998)])
    assert first == second
    assert first.score == 1.23


def bound(rate: float) -> Bound:
    return Bound(rate, 3, 90, "news")


@pytest.mark.parametrize(
    ("log_ratio", "false_positive", "false_negative", "band"),
    [
        (1.0, CLAIM_AT, 1.0, Band.LIKELY_SYNTHETIC),
        (1.0, 0.051, 0.0, Band.CANNOT_TELL),
        (-1.0, 1.0, CLAIM_AT, Band.LIKELY_HUMAN),
        (-1.0, 0.0, 0.051, Band.CANNOT_TELL),
        (0.0, 0.0, 0.0, Band.CANNOT_TELL),
    ],
)
def test_a_band_needs_the_sign_and_the_bound(
    log_ratio: float, false_positive: float, false_negative: float, band: Band
) -> None:
    found, reason = decide(log_ratio, bound(false_positive), bound(false_negative))
    assert found is band
    assert bool(reason) == (band is Band.CANNOT_TELL)


def test_the_reason_names_the_error_that_forbids_the_claim() -> None:
    _, high = decide(1.0, bound(0.081), bound(0.5))
    assert high == (
        "3 of 90 human texts of this length score as high; a claim would be wrong for up to 8.1% "
        "of them (95 % bound), and 5% is allowed"
    )
    assert (
        "3 of 90 synthetic texts of this length score as low" in decide(-1.0, *[bound(0.3)] * 2)[1]
    )


def test_a_saved_detector_gives_verdicts(
    detector_folder: Path, combination: Combination, tmp_path: Path, prose: str
) -> None:
    judge = load_detector(str(detector_folder), home=tmp_path)
    short, french, english = judge.judge(["one", "la mer et le ciel sont bleus " * 9, prose])
    assert "nothing can be said" in short.reason
    assert "not running English" in french.reason
    assert english.score == pytest.approx(combination.score([prose])[0], abs=0.05)
    assert english.probability is not None


def test_a_folder_changed_on_purpose_needs_no_manifest(
    detector_folder: Path, tmp_path: Path
) -> None:
    path = detector_folder / "config.json"
    path.write_text(path.read_text() + "\n")
    with pytest.raises(ValueError, match=r"or delete manifest\.json if you changed it on purpose"):
        load_detector(str(detector_folder), home=tmp_path)
    (detector_folder / "manifest.json").unlink()
    assert load_detector(str(detector_folder), home=tmp_path).judge([""])[0].score is None


@pytest.mark.parametrize("name", ["missing", "a/b", "", "nul\0", "x" * 5000, "bundle"])
def test_a_wrong_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="no detector is called") as caught:
        load_detector(name, home=tmp_path)
    assert "'bundled'" in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_file_is_no_detector(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("{}")
    with pytest.raises(ValueError, match="no detector is called"):
        load_detector(str(tmp_path / "file"), home=tmp_path)


def test_an_install_without_the_bundled_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUNDLED", tmp_path)
    with pytest.raises(ValueError, match="install hallmark again"):
        load_detector("bundled", home=tmp_path)


def test_a_kind_without_a_calibration(tmp_path: Path) -> None:
    detector = Tfidf(TfidfConfig(min_df=1))
    detector.fit(["one two", "two three"], [0, 1])
    detector.save(tmp_path / "d")
    with pytest.raises(ValueError, match="tfidf detector, which has no calibration"):
        load_detector(str(tmp_path / "d"), home=tmp_path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"kind": "oracle"}, "no kind of detector is called 'oracle'; use one of combination"),
        ({"kind": 3}, "names no kind"),
        ({"format": "hallmark-int8"}, "names no kind"),
        ([], "must hold a JSON object"),
    ],
)
def test_a_folder_of_something_else(tmp_path: Path, config: object, message: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=message):
        load_detector(str(tmp_path), home=tmp_path)


def test_every_kind_has_its_class() -> None:
    for kind in KINDS:
        assert hasattr(load_class(kind), "score")
        assert hasattr(load_class(kind), "load")


def test_a_text_is_judged_as_repaired_and_both_scores_are_told(judge: Judge) -> None:
    hidden = text(3.0, more="mo\u200brni\u200bng").replace("3.0", "\u200b3.0", 1)
    judge.detector.examine = _without_hidden(judge.detector.examine)  # type: ignore[method-assign]
    tampered, plain = judge.judge([hidden, text(3.0)])
    assert (tampered.band, tampered.score, tampered.raw_score) == (Band.LIKELY_SYNTHETIC, 3, -9)
    assert (tampered.tampered, tampered.repairs) == (True, {"invisible": 38})
    assert (plain.tampered, plain.repairs, plain.raw_score) == (False, {}, 3)


def _without_hidden(examine):
    """What a detector does that knows no word with hidden characters."""

    def wrapped(texts: Sequence[str]) -> list[Examined]:
        return examine([text(-9.0) if "\u200b" in given else given for given in texts])

    return wrapped


def test_a_tampered_text_of_which_nothing_can_be_said_has_no_scores(judge: Judge) -> None:
    (verdict,) = judge.judge([text(3.0, words=5, more="mo\u200brni\u200bng")])
    assert (verdict.score, verdict.raw_score, verdict.tampered) == (None, None, True)
