"""Thresholds and bounds: how many texts a claim takes, and how often a bound holds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hallmark.detect.certificate import Bin, Scored, fit, needed
from hallmark.detect.target import CertificateConfig
from hallmark.stats import clopper_pearson_upper

ONE_BIN = CertificateConfig(target_fpr=0.05, lengths="1")


def scored(scores: np.ndarray, *, authors: np.ndarray | None = None, **known: str) -> list[Scored]:
    names = authors if authors is not None else np.arange(len(scores))
    return [
        Scored(float(s), 100, f"{i:06d}", str(a), **known)
        for i, (s, a) in enumerate(zip(scores, names, strict=True))
    ]


def test_needed_is_the_least_number_of_texts() -> None:
    assert needed(0, 0, 0.01) == 299
    assert needed(0, 200, 0.01) == 99
    assert needed(0, 300, 0.01) == 0
    for errors, n, target in [(1, 10, 0.01), (3, 100, 0.05), (0, 5, 0.2)]:
        more = needed(errors, n, target)
        assert clopper_pearson_upper(errors, n + more) <= target
        assert clopper_pearson_upper(errors, n + more - 1) > target


def test_a_claim_that_n_cannot_carry_is_refused_and_told_what_is_missing() -> None:
    (one,) = fit(scored(np.zeros(100)), [], CertificateConfig(lengths="1"))
    assert one.whole.errors == 0
    assert f"0 of the {one.whole.n} human texts of this length that were" in one.refusal(0.01)
    assert f"{299 - one.whole.n} more without an error" in one.refusal(0.01)
    assert f"bring about {2 * (299 - one.whole.n)} more" in one.refusal(0.01)  # half are counted
    (one,) = fit(scored(np.zeros(800)), [], CertificateConfig(lengths="1"))
    assert one.refusal(0.01) == ""


def simulate(run: int, *, per_author: int = 1) -> Bin:
    """A certificate on normal scores, where an author's texts are much alike."""
    rng = np.random.default_rng(run)
    authors = np.repeat(np.arange(200), per_author)
    scores = np.repeat(rng.normal(size=200), per_author) * 0.9 ** (per_author > 1)
    scores = scores + (per_author > 1) * rng.normal(size=len(scores)) * np.sqrt(1 - 0.9**2)
    return fit(scored(scores, authors=authors), [], ONE_BIN)[0]


@pytest.mark.parametrize("per_author", [1, 5])
def test_bounds_hold_in_95_percent_of_certificates(per_author: int) -> None:
    runs = 600
    held = 0
    for run in range(runs):
        one = simulate(run, per_author=per_author)
        assert one.threshold is not None
        held += stats.norm.sf(one.threshold) <= one.whole.bound
    assert stats.binomtest(held, runs, 0.95, alternative="less").pvalue > 0.01


def test_a_claim_is_wrong_in_at_most_5_percent_of_certificates() -> None:
    wrong = claims = 0
    for run in range(600):
        one = simulate(run)
        claims += not one.refusal(0.05)
        wrong += not one.refusal(0.05) and stats.norm.sf(one.threshold) > 0.05
    assert claims > 100
    assert wrong <= stats.binom.ppf(0.99, 600, 0.05)


def test_no_author_is_on_both_sides_and_each_counts_once() -> None:
    authors = np.repeat(np.arange(50), 10)
    (one,) = fit(scored(np.zeros(500), authors=authors), [], ONE_BIN)
    assert one.whole.n < 50
    rng = np.random.default_rng(0)
    flipped = rng.permutation(500)  # the order of the lines must not matter
    texts = scored(rng.normal(size=500), authors=authors)
    assert fit(texts, [], ONE_BIN) == fit([texts[i] for i in flipped], [], ONE_BIN)


def test_cells_are_divided_by_domain_and_group_and_a_bad_one_forbids_the_claim() -> None:
    rng = np.random.default_rng(0)
    news = scored(rng.normal(size=3000), domain="news", group="a")
    poems = scored(rng.normal(size=60) + 9, domain="poems", group="b",
                   authors=np.arange(60) + 5000)  # fmt: skip
    (one,) = fit(news + poems, [], ONE_BIN)
    names = [(c.domain, c.group) for c in one.cells]
    assert names == [("news", "a"), ("poems", "b")]
    assert sum(c.n for c in one.cells) == one.whole.n
    assert one.cells[1].errors > one.cells[1].n / 2
    assert "poems / b" in one.refusal(0.05)
    (alone,) = fit(news, [], ONE_BIN)
    assert alone.refusal(0.05) == ""


def test_lengths_divide_and_synthetic_texts_give_a_ratio() -> None:
    rng = np.random.default_rng(0)
    human = [Scored(float(s), 50 if i % 2 else 5, f"{i:06d}", str(i))
             for i, s in enumerate(rng.normal(size=900))]  # fmt: skip
    synthetic = scored(rng.normal(size=300) + 3)
    short, long = fit(human, synthetic, CertificateConfig(lengths="1,20"))
    assert (short.least, long.least) == (1, 20)
    assert (short.slope, short.synthetic) == (None, 0)
    assert long.slope == pytest.approx(3, rel=0.3)
    assert (short.lowest, short.highest) == (None, None)
    assert -np.log(200) < long.lowest < 0 < long.highest < np.log(300)
    assert 0 < long.caught < long.synthetic


@pytest.mark.parametrize("lengths", ["", "a", "0,5", "5,5", "9,5", "1.5"])
def test_lengths_that_do_not_rise(lengths: str) -> None:
    with pytest.raises(ValueError, match="lengths must be rising"):
        CertificateConfig(lengths=lengths).edges()


@pytest.mark.parametrize("target", [0.0, 1.0, -1.0])
def test_targets_out_of_range(target: float) -> None:
    with pytest.raises(ValueError, match="target must lie"):
        fit([], [], CertificateConfig(target_fpr=target))
