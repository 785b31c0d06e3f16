"""Mixed models against statsmodels and against plain numerical integration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import integrate, special, stats
from statsmodels.miscmodels.ordinal_model import OrderedModel

from hallmark.study.mixed import fit_linear
from hallmark.study.ordinal import _Model, fit_ordinal
from hallmark.study.ratings import Values


def test_the_linear_mixed_model_is_that_of_statsmodels(values: Values) -> None:
    frame = pd.DataFrame(
        {"y": values.value, "c": values.condition.astype(str), "r": values.rater,
         "i": values.item, "all": 1}
    )  # fmt: skip
    parts = {"r": "0 + C(r)", "i": "0 + C(i)"}
    theirs = smf.mixedlm("y ~ c", frame, groups="all", re_formula="0", vc_formula=parts).fit(
        reml=True
    )
    ours = fit_linear(values)
    assert ours.criterion == pytest.approx(-2 * theirs.llf, abs=1e-5)
    assert ours.intercept == pytest.approx(theirs.params["Intercept"], abs=1e-4)
    for effect, name in zip(ours.effects, ("c[T.1]", "c[T.2]"), strict=True):
        assert effect.value == pytest.approx(theirs.params[name], abs=1e-4)
        half = (effect.high - effect.low) / 2 / 1.959964
        assert half == pytest.approx(theirs.bse[name], rel=0.01)
    assert [ours.sd_item, ours.sd_rater] == pytest.approx(list(np.sqrt(theirs.vcomp)), rel=1e-3)
    assert ours.sd_residual == pytest.approx(np.sqrt(theirs.scale), rel=1e-4)


def test_without_random_effects_the_ordinal_model_is_that_of_statsmodels() -> None:
    draw = np.random.default_rng(4)
    condition = np.repeat([0, 1], 200)
    value = np.digitize(draw.logistic(0.8 * condition), [-1.0, 0.2, 1.4]).astype(float)
    values = Values(np.arange(400) % 9, np.arange(400) % 7, condition, value, ("a", "b"))
    model = _Model(values, value.astype(np.intp), 4)
    theirs = OrderedModel(value, condition[:, None].astype(float), distr="logit").fit(
        method="bfgs", disp=False
    )
    x = np.concatenate([theirs.params[1:], theirs.params[:1], np.log([1e-6, 1e-6])])
    assert model.loss(x) == pytest.approx(-theirs.llf, abs=1e-4)
    assert np.abs(model.slope(x)[:-2]).max() < 0.01


def test_laplace_is_close_to_the_integral_over_raters() -> None:
    draw = np.random.default_rng(5)
    rater = np.repeat(np.arange(8), 12)
    level = (draw.logistic(draw.normal(0, 1, 8)[rater]) > 0).astype(np.intp)
    values = Values(rater, rater * 0, rater * 0, level.astype(float), ("a",))
    x = np.array([0.1, np.log(0.9), np.log(1e-6)])

    def chance(r: int) -> float:
        up, n = int(level[rater == r].sum()), 12

        def at(u: float) -> float:
            p = special.expit(0.1 - 0.9 * u)
            return float((1 - p) ** up * p ** (n - up) * stats.norm.pdf(u))

        return float(integrate.quad(at, -8, 8)[0])

    exact = -sum(np.log(chance(r)) for r in range(8))
    assert _Model(values, level, 2).loss(x) == pytest.approx(exact, abs=0.15)


def test_the_ordinal_model_finds_the_effect(values: Values) -> None:
    whole = replace(values, value=np.clip(np.round(values.value / 2), 1, 5))
    found = fit_ordinal(whole)
    assert found.effects[1].low > 0
    assert 0.3 < found.sd_rater < 3
    assert list(found.thresholds) == sorted(found.thresholds)


def test_what_cannot_be_fitted_is_said(values: Values) -> None:
    with pytest.raises(ValueError, match="all ratings are the same"):
        fit_ordinal(replace(values, value=np.ones(len(values))))
    few = Values(
        *(a[:4] for a in (values.rater, values.item, values.condition, values.value)),
        values.conditions,
    )
    with pytest.raises(ValueError, match="4 ratings of 3 conditions are too few"):
        fit_linear(few)
