"""Published figures from published ratings: python recipes/ratings.py DATA

DATA holds human-ratings/. Prints what was published beside what `hallmark.study` finds, with n and
95 % intervals; exit status 1 where a printed digit differs.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hallmark.data import read_jsonl_file
from hallmark.study.compare import mean_estimates
from hallmark.study.detection import huse
from hallmark.study.pairs import Preference, share
from hallmark.study.ratings import values_of

FLUENCY = {"B": "3.60±0.82", "BR": "3.69±0.77", "BC": "3.39±0.95", "BCR": "3.52±0.83"}
PREFERENCE = {"wikinews": "68.5", "wikitext": "65.0", "book": "67.0"}
DISCRIMINATORS = {"clickbait", "positive", "negative"}  # the table is of topics (bags of words)
Row = tuple[str, str, str, str]  # what, published, found, detail


def huse_rows(folder: Path) -> Iterator[Row]:
    """Hashimoto et al. (2019), summarisation."""
    with (folder / "huse-summary_clean.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, skipinitialspace=True))
    found = huse(
        [float(r["HumanJudgement"]) for r in rows], [float(r["ModelProbability"]) for r in rows],
        [float(r["LengthOfUtterance"]) for r in rows], [r["Label"] == "True" for r in rows],
    )  # fmt: skip
    figures = (("HUSE", "0.53", found.huse), ("HUSE-Q", "0.58", found.quality),
               ("HUSE-D", "0.95", found.diversity))  # fmt: skip
    for name, published, value in figures:
        yield name, published, f"{value:.2f}", f"n {found.n} texts"


def fluency_rows(folder: Path) -> Iterator[Row]:
    """Dathathri et al. (2020), fluency of topic-controlled text from 1 to 5."""
    rated = []
    for number, row in enumerate(read_jsonl_file(folder / "pplm.jsonl.gz")):
        for side in "ab":
            if row["topic"] not in DISCRIMINATORS and row[f"fluency_{side}"]:
                rater = row["annotator"].lower() or f"unnamed-{number}"
                rated.append(
                    (
                        rater,
                        row[f"text_{side}"],
                        row[f"method_{side}"],
                        float(row[f"fluency_{side}"]),
                    )
                )
    values = values_of(rated, conditions=tuple(FLUENCY))
    found = mean_estimates(values, resamples=500)
    for i, (name, published) in enumerate(FLUENCY.items()):
        own, e = values.value[values.condition == i], found[name]
        detail = f"n {e.n} ratings, mean [{e.low:.2f}, {e.high:.2f}]"
        yield f"fluency {name}", published, f"{e.value:.2f}±{own.std(ddof=1):.2f}", detail


def preference_rows(folder: Path) -> Iterator[Row]:
    """Su & Xu (2022), contrastive search against contrastive decoding."""
    by_domain: dict[str, list[Preference]] = {}
    for number, row in enumerate(read_jsonl_file(folder / "pairwise-CS-versus-CD.jsonl.gz")):
        systems = {"a": row["system_a"], "b": row["system_b"]}
        for said in row["annotations"].values():
            winner = next((s for k, s in systems.items() if f"system {k} is" in said), None)
            by_domain.setdefault(row["domain"], []).append(
                Preference(systems["a"], systems["b"], winner, number)
            )
    for domain, published in PREFERENCE.items():
        e = share(by_domain[domain], "contrastive_search")
        detail = f"n {len(by_domain[domain])} choices of {e.n} pairs, [{e.low:.3f}, {e.high:.3f}]"
        yield f"prefer search, {domain} (%)", published, f"{100 * e.value:.1f}", detail


def main() -> int:
    folder = Path(sys.argv[1]) / "human-ratings"
    rows = [*huse_rows(folder), *fluency_rows(folder), *preference_rows(folder)]
    print("| figure | published | found | |\n|---|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    return int(np.any([published != found for _, published, found, _ in rows]))


if __name__ == "__main__":
    sys.exit(main())
