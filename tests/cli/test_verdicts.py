"""The lines of a verdict keep to its band, and its numbers read well."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hallmark.cli.verdicts import EVIDENCE, as_record, rounded, sentences, weigh
from hallmark.detect.verdict import Band, Verdict, in_words

HUMAN = Verdict(
    Band.LIKELY_HUMAN, -2.5, 0.066, 0.5, 0.0712, 0.985, 555, 587, 587, "",
    false_negative_rate=0.0121, false_negative_n=973,
)  # fmt: skip


def test_likely_human_is_bounded_by_synthetic_texts_that_score_as_low() -> None:
    lines = sentences(HUMAN)
    assert lines[0] == "Likely human."
    assert "  Probability synthetic: 7%, if 50% of such texts are" in lines[1]
    assert lines[2] == "  Such a score is about 14 times as common in human as in synthetic text."
    assert lines[3] == (
        "  Synthetic texts of this length that score as low: at most 1.2% (95 % bound, n = 973)."
    )
    assert "98.5" not in "".join(lines)


def test_where_nothing_is_claimed_no_probability_is_shown() -> None:
    unsure = replace(HUMAN, band=Band.CANNOT_TELL, probability=0.98, reason="12 of 90 human texts")
    text = "\n".join(sentences(unsure))
    assert text.startswith("Cannot tell.\n  Why: 12 of 90 human texts.\n")
    assert "98%" not in text
    assert "Nothing is claimed" in text
    assert as_record(unsure)["probability"] == 0.98


@pytest.mark.parametrize("band", list(Band))
def test_every_verdict_says_that_it_accuses_nobody(band: Band) -> None:
    assert sentences(replace(HUMAN, band=band))[-1].strip() == EVIDENCE


def test_a_text_that_was_cut_is_said_to_be() -> None:
    cut = "\n".join(sentences(replace(HUMAN, tokens_used=1024, tokens_total=9000)))
    assert "Tokens used: 1024 of 9000. Only the beginning was read" in cut


@pytest.mark.parametrize(
    ("value", "said"), [(1.0, "over 99%"), (0.997, "over 99%"), (0.984, "98%"), (0.0, "under 1%")]
)
def test_no_probability_is_a_certainty(value: float, said: str) -> None:
    assert in_words(value) == said


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (20_132.4, "about 20,000"), (14.03, "about 14"), (1.24, "about 1.2"),
        (996.0, "about 1,000"), (3e9, "over a million"), (float("inf"), "over a million"),
    ],
)  # fmt: skip
def test_a_ratio_as_one_says_it(times: float, said: str) -> None:
    assert rounded(times) == said


def test_a_ratio_of_nothing() -> None:
    assert (
        weigh(0.0)
        == "Such a score is over a million times as common in human as in synthetic text."
    )
