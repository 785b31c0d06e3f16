"""Fit the combination: readings of labelled texts in, experts and their calibration out.

A text is cut to every length of a ladder; each length has its own experts, which learn from
the neighbouring lengths too. Calibration uses scores of experts that never saw the text's
group (its window, its pair), so shipped and measured numbers are held out alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hallmark.detect.calibration import Calibration, Reference, fit_ratio
from hallmark.detect.experts import CLIP, FAMILIES, SHARES, Experts, mixture
from hallmark.detect.landmarks import GAMMA, compared, kernel
from hallmark.detect.reading import Reader, Reading
from hallmark.stats import Floats

LENGTHS = (64, 96, 128, 192, 256, 320, 480, 640, 960)
HUMAN = "human"
FOLDS = 8
SHORTFALL = 0.95  # a text counts as of a length that it reaches this far


@dataclass(frozen=True)
class Example:
    """A reading with its family (`human`, `pure`, `truncated`), source and group.

    `weight` is its share in fitting; texts with weight 0 only calibrate.
    """

    reading: Reading
    family: str
    source: str
    group: str
    weight: float = 1.0


@dataclass(frozen=True)
class FitConfig:
    """How strongly each expert is fitted and may bend; how far a neighbouring length counts."""

    landmarks: int = 400  # at most
    straight: float = 0.7  # size of the features beside the kernel's map
    strength: tuple[float, ...] = (2.0, 12.0)  # one a family: inverse of the ridge penalty
    left_out: tuple[str, ...] = ("word_", "-")  # one a family: features that begin so are not used
    reach: float = 2.0  # weight of a length is exp(-reach * octaves away)
    least_weight: float = 0.02
    folds: int = FOLDS
    seed: int = 0


@dataclass(frozen=True)
class Table:
    """Features of every example at every length it reaches; all arrays are (N, ...)."""

    names: tuple[str, ...]
    features: Floats
    at: NDArray[np.int64]
    family: NDArray[np.str_]
    source: NDArray[np.str_]
    group: NDArray[np.str_]
    weight: Floats

    def chosen(self, rows: NDArray[np.bool_]) -> Table:
        """The rows where `rows` is True."""
        return Table(
            self.names, self.features[rows], self.at[rows], self.family[rows],
            self.source[rows], self.group[rows], self.weight[rows],
        )  # fmt: skip


def tabulate(reader: Reader, examples: Sequence[Example]) -> Table:
    """Cut every example to every length of `LENGTHS` that it reaches and take its features."""
    rows: list[dict[str, float]] = []
    at: list[int] = []
    owner: list[Example] = []
    for example in examples:
        for i, length in enumerate(LENGTHS):
            if len(example.reading) < SHORTFALL * length:
                break
            rows.append(reader.features(example.reading.prefix(length, reader.model.tokenizer)))
            at.append(i)
            owner.append(example)
    names = tuple(rows[0])
    return Table(
        names,
        np.array([[row[name] for name in names] for row in rows]),
        np.array(at),
        np.array([e.family for e in owner]),
        np.array([e.source for e in owner]),
        np.array([e.group for e in owner]),
        np.array([e.weight for e in owner]),
    )


def fit(table: Table, config: FitConfig = FitConfig()) -> tuple[Experts, Calibration]:
    """Experts fitted on all of `table`, calibrated on scores held out by group.

    ValueError names the length and family of which there are too few texts.
    """
    fold = folds(table.group, config)
    margins = np.full((len(table.at), len(FAMILIES)), np.nan)
    for k in range(config.folds):
        raw = fit_margins(table.chosen(fold != k), config)
        margins[fold == k] = own_length(raw, table, fold == k)
    raw = fit_margins(table, config)
    slopes = np.ones((len(FAMILIES), len(LENGTHS)))
    biases = np.zeros_like(slopes)
    for k, family in enumerate(FAMILIES):
        for at in range(len(LENGTHS)):
            used = (table.at == at) & np.isin(table.family, [HUMAN, family]) & (table.weight > 0)
            labels = (table.family[used] == family).astype(np.int64)
            slopes[k, at], biases[k, at] = fit_ratio(margins[used, k], labels, table.weight[used])
    experts = Experts(
        table.names, np.array(LENGTHS), raw.centre, raw.scale,
        raw.weights * slopes[:, :, None], raw.bias * slopes + biases, raw.landmarks,
        raw.dual_weights * slopes[:, :, None],
    )  # fmt: skip
    held_out = mixture(margins * slopes[:, table.at].T + biases[:, table.at].T)
    return experts, calibrate(table, held_out)


def folds(group: NDArray[np.str_], config: FitConfig) -> NDArray[np.int64]:
    """A fold for each row, the same for all rows of a group."""
    _, number = np.unique(group, return_inverse=True)
    order = np.random.default_rng(config.seed).permutation(number.max() + 1)
    return order[number] % config.folds


def fit_margins(table: Table, config: FitConfig) -> Experts:
    """Uncalibrated experts: a ridge logistic regression a family and length.

    It is fitted on the standardised features and, beside them, the kernel's map. Landmarks are
    rows of the table, drawn at random.
    """
    shape = (len(FAMILIES), len(LENGTHS), len(table.names))
    centre, scale = np.zeros(shape[1:]), np.ones(shape[1:])
    for at in range(len(LENGTHS)):
        here = (table.at == at) & (table.weight > 0)
        human = here & (table.family == HUMAN)
        if human.sum() < 2:
            raise ValueError(f"too few human texts of {LENGTHS[at]} tokens; give more")
        centre[at] = np.average(table.features[human], axis=0, weights=table.weight[human])
        scale[at] = table.features[here].std(axis=0) + 1e-6
    z = np.clip((table.features - centre[table.at]) / scale[table.at], -CLIP, CLIP)
    columns, size = compared(table.names), len(table.names)
    fitted = np.flatnonzero(table.weight > 0)
    landmarks, normalisation = _nystroem(z[fitted][:, columns], config)
    turn = np.sqrt(size) * normalisation  # rows as long as those of the features
    bent = kernel(z[:, columns], landmarks) @ turn
    middle = bent[fitted].mean(axis=0)
    # Single precision moves margins by less than 1e-6.
    rows = np.hstack([config.straight * z, bent - middle]).astype(np.float32)
    weights, bias = np.zeros(shape), np.zeros(shape[:2])
    dual_weights = np.zeros((*shape[:2], len(landmarks)))
    for k, family in enumerate(FAMILIES):
        for at in range(len(LENGTHS)):
            found, offset = _logistic(rows, table, family, at, config)
            weights[k, at] = config.straight * found[:size]
            dual_weights[k, at] = turn @ found[size:]
            bias[k, at] = offset - middle @ found[size:]
    return Experts(
        table.names, np.array(LENGTHS), centre, scale, weights, bias, landmarks, dual_weights
    )


def _nystroem(z: Floats, config: FitConfig) -> tuple[Floats, Floats]:
    """Landmarks, rows (M, F) of `z`, and (M, M) that turns the kernel with them into the map."""
    from sklearn.kernel_approximation import Nystroem

    size = min(config.landmarks, len(z))
    found = Nystroem(gamma=GAMMA / z.shape[1], n_components=size, random_state=config.seed).fit(z)
    return found.components_, found.normalization_.T


def _logistic(
    rows: NDArray[np.float32], table: Table, family: str, at: int, config: FitConfig
) -> tuple[Floats, float]:
    """Weights of the columns of `rows`, and the intercept."""
    from sklearn.linear_model import LogisticRegression

    octaves = np.abs(np.log2(np.array(LENGTHS)[table.at] / LENGTHS[at]))
    weights = table.weight * np.exp(-config.reach * octaves)
    used = np.isin(table.family, [HUMAN, family]) & (weights > config.least_weight * table.weight)
    used &= table.weight > 0
    labels = table.family[used] == family
    if labels.sum() < 2:
        raise ValueError(f"too few {family} texts near {LENGTHS[at]} tokens; give more")
    w = weights[used]
    for label in (False, True):
        w[labels == label] /= 2 * w[labels == label].sum()
    strength = config.strength[FAMILIES.index(family)]
    # scikit-learn's C multiplies the weighted sum of losses, which is a mean here.
    model = LogisticRegression(C=strength, max_iter=1000)
    prefix = config.left_out[FAMILIES.index(family)]
    columns = np.ones(rows.shape[1], dtype=np.bool_)
    columns[: len(table.names)] = [not name.startswith(prefix) for name in table.names]
    model.fit(rows[used][:, columns], labels, sample_weight=w)
    found = np.zeros(len(columns))
    found[columns] = model.coef_[0]
    return found, float(model.intercept_[0])


def own_length(raw: Experts, table: Table, rows: NDArray[np.bool_]) -> Floats:
    """(n, K) margins of the chosen rows, each by the experts of its own length."""
    lengths = np.array(LENGTHS)[table.at[rows]]
    return raw.ratios(table.features[rows], lengths)


def calibrate(table: Table, scores: Floats) -> Calibration:
    """Slope, intercept and reference scores at every length; families count by their shares."""
    slope, intercept = np.ones(len(LENGTHS)), np.zeros(len(LENGTHS))
    references: list[Reference] = []
    for at, tokens in enumerate(LENGTHS):
        here = table.at == at
        human = here & (table.family == HUMAN)
        synthetic = here & (table.family != HUMAN) & (table.weight > 0)
        weights = table.weight.copy()
        for family, share in zip(FAMILIES, SHARES, strict=True):
            mine = synthetic & (table.family == family)
            weights[mine] *= share / weights[mine].sum()
        used = synthetic | (human & (table.weight > 0))
        labels = (table.family[used] != HUMAN).astype(np.int64)
        slope[at], intercept[at] = fit_ratio(scores[used], labels, weights[used])
        groups = {
            str(s): scores[human & (table.source == s)] for s in sorted(set(table.source[human]))
        }
        references.append(Reference(tokens, groups, scores[synthetic]))
    return Calibration(tuple(references), slope, intercept)
