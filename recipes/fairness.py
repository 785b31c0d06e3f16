"""Human texts by source for `hallmark fairness` and `hallmark calibrate`: one file of JSON lines.

    python recipes/fairness.py DATA LADDER human.jsonl
    hallmark fairness --human human.jsonl --group source

DATA holds `gpt2-outputs` and `corpora`; LADDER is what `recipes/ladder.sh` made. Of the corpora
only texts are taken that neither the ladder nor any part of the bundled detector has met. The
first three sources took part in fitting it.
"""

from __future__ import annotations

import argparse
import json
from itertools import chain, islice
from pathlib import Path

from detector import genres
from ladder import held_out

from hallmark.data import read_jsonl_file

LONGEST = 6_000  # characters; the detector reads no more than 1,024 tokens
CORPORA = {
    "nltk-movie-reviews": "movie reviews", "un-general-debates": "UN debates",
    "standardebooks": "fiction", "medquad": "medical questions", "wikinews-2000": "news",
    "digitalgov": "government", "ropensci-blog": "technical", "rust-blog": "technical",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("data", "ladder", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--most", type=int, default=400, help="texts of a source")
    args = parser.parse_args()
    outputs = args.data / "gpt2-outputs"
    met = {text for _, _, text in genres(args.data, args.ladder)}
    found = {
        "webtext": read_jsonl_file(outputs / "webtext.jsonl.gz"),
        "webtext, short": read_jsonl_file(outputs / "short-webtext.jsonl.gz"),
        "writing prompts": (
            r for r in read_jsonl_file(outputs / "pairs-writing.jsonl.gz") if r["label"] == "human"
        ),
    }
    for name, shown in CORPORA.items():
        records = read_jsonl_file(args.data / "corpora" / f"{name}.jsonl.gz")
        own = (r for r in records if held_out(r["text"]) and r["text"] not in met)
        found[shown] = chain(found.get(shown, ()), own)
    with args.out.open("w", encoding="utf-8") as file:
        for source, records in found.items():
            for record in islice(records, args.most):
                line = {"text": record["text"][:LONGEST], "source": source}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
