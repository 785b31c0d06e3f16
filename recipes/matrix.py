"""Texts for the cross tables: human documents beside the ladder's, and real GPT-2 text in splits.

Run by `recipes/matrix.sh`. A document is in one split only: by its own place among the ladder's
held-out documents, or for real text by its group (a window of OpenAI's samples).
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from ladder import held_out, read

from hallmark.data import read_jsonl_file, write_atomically
from hallmark.models.sizes import BUNDLED
from hallmark.models.tokenizer import Tokenizer
from hallmark.outputs.records import line_of

CHARACTERS = 9_000_000  # of held-out documents, by the shares of the ladder's training text
SPLITS = {"train": (0, 1, 2, 3), "valid": (4, 5), "test": (6, 7, 8, 9)}  # tenths
TOKENS = 600  # of a document, as the ladder's outputs have at most
PIECES = 3  # of a document that is trained on; one of all others
REAL = {
    "webtext": "webtext", "xl-1542M": "xl-1542M-pure", "xl-1542M-k40": "xl-1542M-k40",
    "small-117M-k40": "small-117M-k40",
}  # fmt: skip
TUNED = "nltk-movie-reviews"  # what one more generator is fine-tuned on
TUNED_DOCUMENTS = 600
BAD = "data/small-117M-k40.train.jsonl"  # word salad, not top-k samples: see docs/detectors.md
Texts = dict[str, list[tuple[str, bool]]]  # by split: text, and whether it is there to its end


def human(corpora: Path, out: Path) -> None:
    """Held-out documents, cut as the ladder's outputs are, under OUT/human."""
    tokenizer = Tokenizer.load(BUNDLED / "ladder-7M")
    found: Texts = {split: [] for split in SPLITS}
    for i, text in enumerate(read(corpora, characters=CHARACTERS, held=True)):
        split = next(s for s, tenths in SPLITS.items() if i % 10 in tenths)
        most = PIECES if split == "train" else 1
        found[split] += list(pieces(text[: 8 * TOKENS * most], most, tokenizer))
    write(found, out / "human", "prose", tokenizer)


def pieces(text: str, most: int, tokenizer: Tokenizer) -> Iterator[tuple[str, bool]]:
    """The first `most` stretches of a document; each but the first begins with a word."""
    ids = tokenizer.encode(text)
    for number, start in enumerate(range(0, min(len(ids), most * TOKENS), TOKENS)):
        piece = tokenizer.decode(ids[start : start + TOKENS]).strip("\ufffd")
        yield piece.partition(" ")[2] if number else piece, start + TOKENS >= len(ids)


def tune(corpora: Path, out: Path) -> None:
    """Documents to fine-tune on, none of which is held out, in OUT/tune.jsonl."""
    texts = [record["text"] for record in read_jsonl_file(corpora / f"{TUNED}.jsonl.gz")]
    chosen = [text for text in texts if not held_out(text)][:TUNED_DOCUMENTS]
    with write_atomically(out / "tune.jsonl") as file:
        file.writelines(json.dumps({"text": text}).encode() + b"\n" for text in chosen)


def real(folder: Path, tokenizer: Path, out: Path) -> None:
    """GPT-2's own texts and WebText under OUT/real; a window's texts are all in one split."""
    gpt2 = Tokenizer.load(tokenizer)
    for source, name in REAL.items():
        found: Texts = {split: [] for split in SPLITS}
        for i, record in enumerate(read_jsonl_file(folder / f"{name}.jsonl.gz")):
            if BAD in str(record.get("source")):
                continue
            group = f"{source}:{record.get('window', i)}"
            tenth = hashlib.sha256(group.encode()).digest()[0] % 10
            split = next(s for s, tenths in SPLITS.items() if tenth in tenths)
            found[split].append((record["text"], bool(record.get("ended", True))))
        write(found, out / ("real-human" if source == "webtext" else "real"), source, gpt2)


def write(found: Texts, folder: Path, source: str, tokenizer: Tokenizer) -> None:
    """One file a split, in the release's format."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    for split, texts in found.items():
        with write_atomically(folder / f"{source}.{split}.jsonl") as file:
            for text, ended in texts:
                length = len(tokenizer.encode(text))
                record = {"id": number, "ended": ended, "length": length, "text": text}
                file.write(line_of(record))
                number += 1
    print(f"{source}: " + ", ".join(f"{split} {len(texts)}" for split, texts in found.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=["human", "tune", "real"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.verb == "human":
        human(args.data / "corpora", args.out)
    elif args.verb == "tune":
        tune(args.data / "corpora", args.out)
    else:
        real(args.data / "gpt2-outputs", args.data / "tokenizer-gpt2", args.out)


if __name__ == "__main__":
    main()
