"""Text that the ladder was trained on, to the row, and text of the same kind that it never saw.

Run by `recipes/probes.sh`. The training stream is made again as `recipes/ladder.py` made it; a rung
saw the first rows of a shuffled order, so pieces of documents are taken out of those rows alone.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from ladder import CONFIG, TOKENS, ArrayStream, encode, read

from hallmark.data import write_atomically
from hallmark.lm.training.order import Rows
from hallmark.models.sizes import BUNDLED
from hallmark.models.tokenizer import Tokenizer

CHARACTERS = 40_000_000  # of training text, as recipes/ladder.py has it
DOCUMENTS = 2_000  # of each kind: more than a probe draws
LEAST = 100  # tokens of a piece


def seen(corpora: Path, tokenizer: Tokenizer) -> list[str]:
    """Pieces of documents in rows that were trained on, one a document."""
    ids = encode(tokenizer, read(corpora, characters=CHARACTERS, held=False))
    steps = TOKENS // (CONFIG.batch_size * CONFIG.sequence_length)
    rows = Rows(ArrayStream(ids), replace(CONFIG, steps=steps), what="the training text")
    found: list[str] = []
    for place in range(steps * CONFIG.batch_size):
        piece = rows.shuffled(place, 1)[0].tolist()
        ends = [-1, *(i for i, token in enumerate(piece) if token == tokenizer.eot), len(piece)]
        start, end = max(pairwise(ends), key=lambda pair: pair[1] - pair[0])
        if end - start > LEAST and len(found) < DOCUMENTS:
            found.append(tokenizer.decode(piece[start + 1 : end]).strip("\ufffd"))
    print(f"{len(ids)} tokens, {rows.count} rows, {steps * CONFIG.batch_size} of them seen")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    tokenizer = Tokenizer.load(BUNDLED / "ladder-7M")
    corpora = args.data / "corpora"
    held = read(corpora, characters=6_000_000, held=True)[:DOCUMENTS]
    for name, texts in (("seen", seen(corpora, tokenizer)), ("held", held)):
        with write_atomically(args.out / f"{name}.jsonl") as file:
            file.writelines(json.dumps({"text": text}).encode() + b"\n" for text in texts)
        print(f"{name}: {len(texts)} documents")


if __name__ == "__main__":
    main()
