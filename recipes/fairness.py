"""Human texts by source for `hallmark fairness` and `hallmark calibrate`: one file of JSON lines.

    python recipes/fairness.py DATA human.jsonl
    hallmark fairness --human human.jsonl --group source

DATA holds `gpt2-outputs` and `corpora`. Of the corpora only the tenth is taken that the ladder
and the detector's background were not counted on; the others calibrated the bundled detector.
"""

from __future__ import annotations

import argparse
import json
from itertools import islice
from pathlib import Path

from ladder import held_out

from hallmark.data import read_jsonl_file

LONGEST = 6_000  # characters; the detector reads no more than 1,024 tokens
CORPORA = {
    "nltk-movie-reviews": "movie reviews", "un-general-debates": "UN debates",
    "standardebooks": "fiction", "medquad": "medical questions", "wikinews-2000": "news",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--most", type=int, default=400, help="texts of a source")
    args = parser.parse_args()
    outputs = args.data / "gpt2-outputs"
    found = {
        "webtext": read_jsonl_file(outputs / "webtext.jsonl.gz"),
        "webtext, short": read_jsonl_file(outputs / "short-webtext.jsonl.gz"),
        "writing prompts": (
            r for r in read_jsonl_file(outputs / "pairs-writing.jsonl.gz") if r["label"] == "human"
        ),
    }
    for name, shown in CORPORA.items():
        records = read_jsonl_file(args.data / "corpora" / f"{name}.jsonl.gz")
        found[shown] = (r for r in records if held_out(r["text"]))
    with args.out.open("w", encoding="utf-8") as file:
        for source, records in found.items():
            for record in islice(records, args.most):
                line = {"text": record["text"][:LONGEST], "source": source}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
