"""A database of made-up cases to try the pages on: `python recipes/cases_demo.py FOLDER`.

Twelve accounts; four of them form a ring that copies. Texts are sentences of a public-domain letter
and what the bundled ladder writes; times, accounts and all that was "weighed" are made up. Prints a
name and password for each role; then `hallmark cases serve --database FOLDER/cases.db`.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from hallmark.evidence.accounts import GROUPS
from hallmark.lm.model import LanguageModel
from hallmark.lm.sampling import SamplingParams, document_seed
from hallmark.models.sizes import BUNDLED

START = 1_760_000_000.0
DAY = 86400.0
POSTS = 14
PREVALENCE = 0.05
PEOPLE = {"anna": "analyst", "ben": "analyst", "rosa": "reviewer", "rui": "reviewer",
          "otto": "auditor"}  # fmt: skip


def texts_of_people(generator: np.random.Generator) -> list[str]:
    """Posts of two or three sentences of the bundled letter."""
    letter = (BUNDLED / "texts" / "human.txt").read_text(encoding="utf-8")
    sentences = re.findall(r"[^.!?]+[.!?]+", " ".join(letter.split()))
    starts = generator.permutation(len(sentences) - 3)
    return ["".join(sentences[i : i + 2 + i % 2]).strip() for i in starts]


def texts_of_the_ladder(count: int) -> list[str]:
    """Posts that the largest bundled model writes."""
    model = LanguageModel.load(BUNDLED / "ladder-7M")
    params = SamplingParams(max_tokens=48, top_k=40)
    seeds = [document_seed(7, "", "", i) for i in range(count)]
    prompts = ["The city", "People here", "Last week", "My friends"]
    found = model.generate([prompts[i % 4] for i in range(count)], params, seeds=seeds)
    pairs = zip(range(count), found, strict=True)
    return [" ".join((prompts[i % 4] + g.text).split())[:260] for i, g in pairs]


def made_up() -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Posts, and what `hallmark signals fuse` could have said of them."""
    generator = np.random.default_rng(3)
    written, drawn = texts_of_people(generator), texts_of_the_ladder(6 * POSTS)
    posts: list[dict[str, object]] = []
    fused = []
    for account in range(12):
        synthetic, ring = account < 6, account in (0, 1, 2, 6)
        name = f"{'user' if synthetic else 'reader'}{7193 * (account + 3) % 9973}"
        for i in range(POSTS):
            shared = ring and i % 3 == 0
            text = (
                drawn[account * POSTS + i] if synthetic else written[(account + i) % len(written)]
            )
            hour = generator.uniform(0, 24) if synthetic else generator.normal(19, 2.5) % 24
            posts.append({
                "account": name, "id": f"{account}-{i}",
                "time": START + i * 2 * DAY + (12 * 3600 + account if shared else hour * 3600),
                "text": f"@reader{account} " * (i == 4) + (drawn[i] if shared else text),
            })  # fmt: skip
        content = float(generator.normal(4.0 if synthetic else -0.5, 0.8))
        fused.append(record(name, content, ring=ring, generator=generator))
    return posts, fused


def record(
    name: str, content: float, *, ring: bool, generator: np.random.Generator
) -> dict[str, object]:
    """An account as `signals fuse --json` prints it."""
    metadata = {"coordination": 0.9 if ring and content > 0 else 0.0,
                "cadence": 0.4 if content > 0 else -0.2, "account": 0.0}  # fmt: skip
    odds = math.log(PREVALENCE / (1 - PREVALENCE)) + content + sum(metadata.values())
    signals = [signal("content", "content", round(content / 6, 2), content, 74)]
    for group, names in GROUPS.items():
        for i, own in enumerate(names):
            value = float(generator.uniform(0, 1)) if ring or group != "coordination" else 0.0
            signals.append(signal(own, group, round(value, 2), metadata[group] * (i == 0), 31))
    return {
        "account": name, "posterior": 1 / (1 + math.exp(-odds)), "texts": POSTS,
        "acts_together": ring, "parts": {"content": content, **metadata}, "signals": signals,
    }  # fmt: skip


def signal(name: str, group: str, value: float, log: float, n: int) -> dict[str, object]:
    """One signal of such a record."""
    return {"name": name, "group": group, "value": value, "log_likelihood_ratio": log, "n": n,
            "counted": log != 0, "interval": [log - 0.6, log + 0.6]}  # fmt: skip


def hallmark(*arguments: object) -> str:
    """Run the program; what it prints."""
    command = [sys.executable, "-c", "from hallmark.cli.main import run; run()"]
    done = subprocess.run(
        [*command, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    posts, fused = made_up()
    (folder / "posts.jsonl").write_text("".join(json.dumps(p) + "\n" for p in posts))
    (folder / "fused.json").write_text(json.dumps({"prevalence": PREVALENCE, "accounts": fused}))
    database = folder / "cases.db"
    passwords = {}
    for name, role in PEOPLE.items():
        made = hallmark("cases", "users", name, "--role", role, "--database", database, "--json")
        passwords[name] = json.loads(made)["password"]
        print(f"{name} ({role}): {passwords[name]}")
    (folder / "passwords.json").write_text(json.dumps(passwords))
    print(hallmark("cases", "import", folder / "fused.json", "--posts", folder / "posts.jsonl",
                   "--database", database))  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
