"""Do 95 % intervals cover, and does the analysis deliver the promised power?

python recipes/study_coverage.py [STUDIES]: simulates studies with the release's means (6.07, 6.72,
6.91), each analysed as `hallmark study analyse` does it, and prints shares with 95 % intervals.
Minutes.
"""

from __future__ import annotations

import sys
import tomllib
from dataclasses import replace

import numpy as np

from hallmark.stats import wilson
from hallmark.study.compare import bootstrap_error, contrasts, means, two_way
from hallmark.study.definition import Expectation, Study, parse_study
from hallmark.study.power import promises, simulate
from hallmark.study.template import study_file

MEANS = {"355M": 6.07, "774M": 6.72, "1.5B": 6.91}
DESIGNS = {
    "20 texts, 6 ratings, 12 a rater": {},
    "60 texts, 12 ratings, 12 a rater": {"texts_per_condition": 60, "ratings_per_text": 12},
    "60 texts, 6 ratings, 1 a rater": {"texts_per_condition": 60, "texts_per_rater": 1},
}


def covered(study: Study, studies: int) -> list[str]:
    """Shares of studies whose interval holds the truth: of a mean, by bootstrap, of a step."""
    draw, hits = np.random.default_rng(1), np.zeros(3, dtype=int)
    one, step = np.array([1.0, 0, 0]), np.array([-1.0, 1, 0])
    truth = np.array(list(MEANS.values()))
    for seed in range(studies):
        values = simulate(study, draw)
        found = means(values)
        boot = bootstrap_error(values, one, seed=seed, resamples=400)
        for i, (weights, error) in enumerate(
            ((one, two_way(values, one)), (one, boot), (step, two_way(values, step)))
        ):
            interval = error.interval(float(weights @ found), 1)
            hits[i] += interval.low < weights @ truth < interval.high
    return [percent(int(k), studies) for k in hits]


def delivered(study: Study, studies: int) -> list[str]:
    """Share of studies in whole points from 1 to 10 in which each contrast is found."""
    draw, hits = np.random.default_rng(2), np.zeros(len(study.contrasts), dtype=int)
    for _ in range(studies):
        tested = contrasts(simulate(study, draw, rounded=True), study.contrasts)
        hits += [d.p < 0.05 for d in tested]
    return [percent(int(k), studies) for k in hits]


def percent(k: int, n: int) -> str:
    e = wilson(k, n)
    return f"{e.value:.1%} [{e.low:.1%}, {e.high:.1%}]"


def main() -> None:
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    base = parse_study(tomllib.loads(study_file({name: name for name in MEANS})))
    print(f"n = {studies} simulated studies a cell\n\n| design | mean | mean, bootstrap | step |")
    print("|---|---|---|---|")
    made = {
        name: replace(base, design=replace(base.design, **own), expected=Expectation(MEANS))
        for name, own in DESIGNS.items()
    }
    for name, study in made.items():
        print(f"| {name} | {' | '.join(covered(study, studies))} |", flush=True)
    print("\n| design | step | promised | delivered |\n|---|---|---|---|")
    for name, study in made.items():
        rows = zip(promises(study, studies=studies), delivered(study, studies), strict=True)
        for p, found in rows:
            assert p.simulated is not None
            promised = percent(round(p.simulated.value * studies), studies)
            print(f"| {name} | {p.higher} - {p.lower} | {promised} | {found} |", flush=True)


if __name__ == "__main__":
    main()
