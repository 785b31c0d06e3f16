"""The fit on a synthetic table: two families on either side of human text."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from hallmark.detect import fitting
from hallmark.detect.fitting import Example, FitConfig, Table, fit, fit_margins, folds, tabulate
from hallmark.detect.reading import Reader
from hallmark.stats import auroc

LENGTHS = (64, 128)


@pytest.fixture(autouse=True)
def two_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "LENGTHS", LENGTHS)


def gaussian_table(*, seed: int, n: int = 60) -> Table:
    """Four features: pure text is high in the first, truncated text low; the rest is noise."""
    rng = np.random.default_rng(seed)
    family = np.repeat(["human", "pure", "truncated"], n)
    middle = np.repeat([0.0, 3.0, -3.0], n)
    features = [np.column_stack([rng.normal(middle), rng.normal(size=(3 * n, 3))]) for _ in LENGTHS]
    source = np.where(np.arange(3 * n) % 2, "news", "prose")
    return Table(
        ("a", "b", "c", "word_d"), np.concatenate(features), np.repeat([0, 1], 3 * n),
        np.tile(family, 2), np.tile(source, 2),
        np.tile([f"{family[i]}:{i // 2}" for i in range(3 * n)], 2), np.ones(6 * n),
    )  # fmt: skip


def test_held_out_texts_are_told_apart_though_human_text_lies_between() -> None:
    experts, calibration = fit(gaussian_table(seed=0))
    test = gaussian_table(seed=1)
    tokens = np.array(LENGTHS)[test.at]
    scores = experts.score(test.features, tokens)
    human = test.family == "human"
    for family in ("pure", "truncated"):
        assert auroc(scores[human], scores[test.family == family]).value > 0.9
    ratios = experts.ratios(test.features, tokens)
    assert ratios[test.family == "pure", 0].mean() > 0 > ratios[test.family == "pure", 1].mean()
    assert calibration.log_ratio(scores[~human].mean(), 64) > 0
    assert calibration.log_ratio(scores[human].mean(), 64) < 0


def ring(table: Table) -> Table:
    """Half of each family's texts mirrored in the first feature: human text lies in the middle."""
    mirrored = table.features * [-1, 1, 1, 1]
    even = np.array([group[-1] in "02468" for group in table.group])
    return dataclasses.replace(table, features=np.where(even[:, None], mirrored, table.features))


@pytest.mark.parametrize(("landmarks", "least", "most"), [(1, 0.3, 0.7), (100, 0.85, 1.0)])
def test_landmarks_let_an_expert_bend(landmarks: int, least: float, most: float) -> None:
    config = FitConfig(landmarks=landmarks, strength=(100.0, 100.0))
    experts = fit_margins(ring(gaussian_table(seed=0)), config)
    assert experts.landmarks.shape == (landmarks, 3)
    test = ring(gaussian_table(seed=1))
    ratios = experts.ratios(test.features, np.array(LENGTHS)[test.at])
    human = test.family == "human"
    for k, family in enumerate(("pure", "truncated")):
        area = auroc(ratios[human, k], ratios[test.family == family, k]).value
        assert least < area <= most


def test_margins_are_those_of_the_logistic_regressions(monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each family and length, of the human texts and the family's, near lengths with it."""
    decided: list[np.ndarray] = []

    class Recorded(LogisticRegression):
        def fit(self, x, y, sample_weight=None):
            super().fit(x, y, sample_weight)
            decided.append(self.decision_function(x))
            return self

    monkeypatch.setattr("sklearn.linear_model.LogisticRegression", Recorded)
    table = gaussian_table(seed=0)
    raw = fit_margins(table, FitConfig(landmarks=50))
    found = iter(decided)
    for k, family in enumerate(("pure", "truncated")):
        used = np.isin(table.family, ["human", family])
        for at, tokens in enumerate(LENGTHS):
            own = table.at[used] == at
            x = table.features[used][own]
            ratios = raw.ratios(x, np.full(len(x), tokens))[:, k]
            assert ratios == pytest.approx(next(found)[own], abs=1e-5)
    assert not list(found)
    assert (raw.weights[0, :, 3] == 0).all()
    assert (raw.weights[1, :, 3] != 0).all()


def test_calibration_is_of_all_that_an_expert_weighs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "fit_ratio", lambda *_: (2.0, 0.5))
    table = gaussian_table(seed=0)
    experts, _ = fit(table)
    raw = fit_margins(table, FitConfig())
    tokens = np.array(LENGTHS)[table.at]
    expected = 2 * raw.ratios(table.features, tokens) + 0.5
    assert experts.ratios(table.features, tokens) == pytest.approx(expected)


def test_landmarks_are_drawn_by_the_seed() -> None:
    table = gaussian_table(seed=0)
    one, again, other = (
        fit_margins(table, FitConfig(landmarks=20, seed=seed)).landmarks for seed in (0, 0, 1)
    )
    assert (one == again).all()
    assert (one != other).any()


def test_calibration_has_every_human_text_by_source_and_length() -> None:
    table = gaussian_table(seed=0)
    _, calibration = fit(table)
    assert [r.tokens for r in calibration.references] == list(LENGTHS)
    for reference in calibration.references:
        assert list(reference.human) == ["news", "prose"]
        assert [len(s) for s in reference.human.values()] == [30, 30]
        assert len(reference.synthetic) == 120
    assert (calibration.slope > 0).all()


def test_the_same_table_gives_the_same_numbers() -> None:
    one, other = (fit(gaussian_table(seed=0)) for _ in range(2))
    assert (one[0].weights == other[0].weights).all()
    assert (one[1].slope == other[1].slope).all()


def test_noise_is_not_told_apart_by_held_out_scores() -> None:
    """A detector of random labels must not look good on the texts that it was fitted on."""
    table = gaussian_table(seed=2)
    noise = np.random.default_rng(3).normal(size=table.features.shape)
    _, calibration = fit(dataclasses.replace(table, features=noise))
    for reference in calibration.references:
        human = np.concatenate(list(reference.human.values()))
        assert abs(auroc(human, reference.synthetic).value - 0.5) < 0.15


def test_texts_of_weight_zero_only_calibrate() -> None:
    table = gaussian_table(seed=0)
    prose = (table.source == "prose") & (table.family == "human")
    weight = np.where(prose, 0.0, 1.0)
    moved = table.features + 50.0 * prose[:, None]
    one, _ = fit(dataclasses.replace(table, weight=weight))
    other, calibration = fit(dataclasses.replace(table, weight=weight, features=moved))
    assert (one.weights == other.weights).all()
    assert len(calibration.references[0].human["prose"]) == 30


def test_a_group_is_never_in_two_folds() -> None:
    group = np.array([f"g{i // 3}" for i in range(90)])
    fold = folds(group, FitConfig())
    assert all(len(set(fold[group == g])) == 1 for g in set(group))
    assert sorted(set(fold)) == list(range(8))
    assert (fold == folds(group, FitConfig())).all()
    assert (fold != folds(group, FitConfig(seed=1))).any()


@pytest.mark.parametrize(
    ("lost", "at", "message"),
    [
        ("human", 1, "too few human texts of 128 tokens"),
        ("pure", None, "too few pure texts near 64 tokens"),
        ("truncated", None, "too few truncated texts near 64 tokens"),
        ("pure", 1, "both kinds"),
    ],
)
def test_too_few_texts(lost: str, at: int | None, message: str) -> None:
    table = gaussian_table(seed=0)
    kept = (table.family != lost) | (table.at != at if at is not None else False)
    with pytest.raises(ValueError, match=message):
        fit(table.chosen(kept))


def test_margins_standardise_by_human_texts() -> None:
    table = gaussian_table(seed=0)
    raw = fit_margins(table, FitConfig())
    here = (table.at == 1) & (table.family == "human")
    assert raw.centre[1] == pytest.approx(table.features[here].mean(0))
    assert raw.scale[1] == pytest.approx(table.features[table.at == 1].std(0), rel=1e-4)


def test_tabulate_cuts_to_every_length_reached(reader: Reader, prose: str) -> None:
    readings = reader.read([prose[:40], prose[:200], prose])
    made = [Example(r, "human", "news", f"g{i}", 0.5) for i, r in enumerate(readings)]
    table = tabulate(reader, made)
    lengths = [len(r) for r in readings]
    assert lengths[0] < 60 < 64 < lengths[1]
    reached = [sum(n >= 0.95 * length for length in LENGTHS) for n in lengths]
    assert len(table.at) == sum(reached)
    assert table.names == reader.names()
    first = reader.features(readings[1].prefix(64, reader.model.tokenizer))
    assert table.features[0].tolist() == list(first.values())
    assert table.weight.tolist() == [0.5] * sum(reached)
