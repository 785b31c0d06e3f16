"""The benchmark of evidence: real short texts on made-up accounts. Run by `recipes/evidence.sh`.

Writes OUT/scores.jsonl (kept: a second run does not read the texts again) and OUT/tables.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path

from evidence_accounts import make_world

from hallmark.detect.judge import load_detector
from hallmark.detect.verdict import BUNDLED_DETECTOR
from hallmark.evidence.content import score_texts

_GROUP = 64  # texts between two writes of the scores


def score(texts: Sequence[str], path: Path) -> dict[str, float]:
    """The bundled detector's score of each text, those in `path` not read again."""
    known: dict[str, float] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            known[record["sha256"]] = math.nan if record["score"] is None else record["score"]
    key = {t: hashlib.sha256(t.encode()).hexdigest() for t in texts}
    missing = [t for t in key if key[t] not in known]
    detector = load_detector(BUNDLED_DETECTOR, home=Path()).detector
    for at in range(0, len(missing), _GROUP):
        some = missing[at : at + _GROUP]
        found = list(score_texts(some, detector))
        known |= {key[t]: value for t, value in zip(some, found, strict=True)}
        with path.open("a", encoding="utf-8") as file:
            for text, value in zip(some, found, strict=True):
                own = None if math.isnan(value) else value
                file.write(json.dumps({"sha256": key[text], "score": own}) + "\n")
        print(f"scored {at + len(some)} of {len(missing)}", flush=True)
    return {t: known[key[t]] for t in texts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("data", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    world = make_world(args.data, seed=args.seed)
    scores = score([p.text for p in world.posts], args.out / "scores.jsonl")


if __name__ == "__main__":
    main()
