"""The table's numbers, by a detector whose scores the texts spell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from hallmark.evaluate.attack_table import attack_table

HUMAN = [f"{i / 100} by a person" for i in range(100)]
SYNTHETIC = [f"{0.5 + i / 50} by a model" for i in range(50)]  # from .5 to 1.48


class Spelt:
    """The score is the first word; hidden characters make a text look human."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def score(self, texts: Sequence[str]) -> np.ndarray:
        self.seen += texts
        return np.array([float(t.split()[0]) if "\u200b" not in t else -1.0 for t in texts])


def hide(text: str, seed: int) -> str:
    return text.replace("model", "m\u200bo\u200bd\u200bel")


def lower(text: str, seed: int) -> str:
    return f"-9 {text}"


def test_cleaning_undoes_what_it_can() -> None:
    table = attack_table(Spelt(), HUMAN, SYNTHETIC, {"hide": hide, "lower": lower})
    plain, hidden, lowered = table.rows
    assert [row.attack for row in table.rows] == ["none", "hide", "lower"]
    assert [row.changed.value for row in table.rows] == [0, 1, 1]
    found = plain.raw.tpr
    assert 0.5 < found.value < 0.8
    assert (hidden.raw.tpr.value, hidden.cleaned.tpr) == (0, found)
    assert hidden.raw.cost.value == pytest.approx(found.value)
    assert (hidden.raw.auroc.value, hidden.cleaned.auroc) == (0, plain.cleaned.auroc)
    assert hidden.cleaned.cost.value == 0
    assert (hidden.tampered.value, lowered.tampered.value) == (1, 0)
    assert lowered.raw == lowered.cleaned
    assert lowered.raw.tpr.value == 0


def test_the_threshold_is_fitted_on_one_half_and_told_on_the_other() -> None:
    table = attack_table(Spelt(), HUMAN, SYNTHETIC, {}, fpr=0.1)
    assert (table.fitted, table.fpr_raw.n, table.rows[0].raw.tpr.n) == (50, 50, 50)
    assert 0 < table.fpr_raw.value < 0.3
    assert table.human_tampered.value == 0
    rates = {attack_table(Spelt(), HUMAN, SYNTHETIC, {}, seed=s).fpr_raw.value for s in range(9)}
    assert len(rates) > 1
    assert np.mean(list(rates)) == pytest.approx(0.05, abs=0.05)


def test_a_text_is_scored_once() -> None:
    detector, counted = Spelt(), []
    attack_table(detector, HUMAN, SYNTHETIC, {"hide": hide, "again": hide},
                 on_texts=counted.append)  # fmt: skip
    assert len(detector.seen) == len(set(detector.seen)) == sum(counted) == 200


def test_a_text_without_a_score_counts_as_human() -> None:
    class Blind:
        def score(self, texts: Sequence[str]) -> np.ndarray:
            return np.full(len(texts), np.nan)

    table = attack_table(Blind(), HUMAN, SYNTHETIC, {})
    assert (table.rows[0].raw.tpr.value, table.rows[0].raw.auroc.value) == (0, 0.5)


def test_too_few_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="needs 40 human texts"):
        attack_table(Spelt(), HUMAN[:39], SYNTHETIC, {})
    with pytest.raises(ValueError, match="and a synthetic one at least"):
        attack_table(Spelt(), HUMAN, [], {})
