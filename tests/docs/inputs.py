"""The small files that a page speaks of and expects its reader to have, made for its test."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from hallmark.cli.main import main
from hallmark.evaluate.standin import standin
from hallmark.outputs.imports import import_outputs
from hallmark.outputs.names import SPLITS

_WORDS = ("the", "a", "of", "sea", "town", "river", "old", "came", "went", "saw", "and", "by")


def people(count: int, words: int = 300) -> list[str]:
    """Letters of 60 words and more, cut to so many."""
    return [" ".join(text.split()[:words]) for text in standin("walking", documents=count)]


def machines(count: int, words: int = 100) -> list[str]:
    """Words at random."""
    draw = random.Random(0)
    return [" ".join(draw.choices(_WORDS, k=words)) for _ in range(count)]


def write(path: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """JSON lines, packed where the name says so."""
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def labelled(texts: Iterable[str], label: str) -> Iterator[dict[str, str]]:
    return ({"text": text, "label": label} for text in texts)


def disguised() -> list[dict[str, str]]:
    """What an attack needs: 40 human texts, and synthetic ones."""
    return [*labelled(people(40, words=30), "human"), *labelled(machines(2, words=30), "synthetic")]


def corpus(folder: str, source: str, texts: list[str]) -> None:
    """SOURCE.SPLIT.jsonl of all three splits in the release's format."""
    Path(folder).mkdir(exist_ok=True)
    for i, split in enumerate(SPLITS):
        own = texts[i::3]
        write(f"{folder}/{source}.{split}.jsonl", (
            {"id": 3 * k + i, "ended": True, "length": len(text.split()), "text": text}
            for k, text in enumerate(own)
        ))  # fmt: skip


def outputs(folder: str, source: str = "xl-1542M-k40", count: int = 12) -> None:
    """An output set."""
    corpus(f"{folder}-files", source, machines(count))
    import_outputs([Path(f"{folder}-files")], Path(folder))


def accounts(path: str, labels: str, *, number: int = 40, each: int = 2) -> None:
    """Posts of accounts, half of them synthetic, and a label of each."""
    half = number * each // 2
    texts = iter([*people(half, words=25), *machines(half, words=25)])
    names = [f"a{i}" for i in range(number)]
    write(path, (
        {"account": name, "time": 90_000 * i + 4_000 * k, "text": next(texts)}
        for i, name in enumerate(names) for k in range(each)
    ))  # fmt: skip
    rows = (f"{name},{'human' if i < number // 2 else 'synthetic'}" for i, name in enumerate(names))
    Path(labels).write_text("\n".join(["account,label", *rows]) + "\n", encoding="utf-8")


def signed() -> None:
    """A manifest `m` and a public key `pub`."""
    assert main(["release", "key", "k"]) == 0
    generate = ["generate", "The", "--model", "ladder-0.5M", "--max-tokens", "4", "--quiet"]
    assert main([*generate, "--sign", "k", "--manifest", "m", "--who", "A team"]) == 0
    Path("k.pub").rename("pub")


def readme() -> None:
    Path("essay.txt").write_text(people(1)[0], encoding="utf-8")
    write("texts.jsonl", disguised())
    write("own.jsonl", ({"text": t, "field": "ab"[i % 2]} for i, t in enumerate(people(8))))
    Path("notes.txt").write_text("\n".join(people(40)), encoding="utf-8")
    write("a.jsonl", labelled(people(2), "human"))
    write("posts.jsonl", ({"account": "ab"[i % 2], "time": i, "text": t}
                          for i, t in enumerate(people(4))))  # fmt: skip
    Path("shards").mkdir()
    write("shards/a.jsonl", labelled(people(3), "human"))
    signed()


def attacks() -> None:
    write("webtext.jsonl.gz", disguised()[:40])
    write("xl-1542M-k40.jsonl.gz", disguised()[40:])
    write("people.jsonl", disguised()[:40])
    outputs("set", count=6)


def calibration() -> None:
    kinds = ("UN debates", "fiction", "movie reviews", "news", "medical questions")
    write("human.jsonl", (
        {"text": text, "source": kinds[i % 5]} for i, text in enumerate(people(15, words=80))
    ))  # fmt: skip


def cases() -> None:
    accounts("known.jsonl", "labels.csv")
    accounts("posts.jsonl", "unused.csv", number=12, each=1)


def detectors() -> None:
    corpus("human", "letters", people(36))
    outputs("set", "toy-1M", count=36)
    Path("essay.txt").write_text(people(1)[0], encoding="utf-8")


def encoder() -> None:
    write("human.jsonl", labelled(people(12), "human"))
    write("human.test.jsonl", labelled(people(6), "human"))
    write("synthetic.test.jsonl", labelled(machines(6), "synthetic"))
    Path("essay.txt").write_text(people(1)[0], encoding="utf-8")


def evidence() -> None:
    accounts("posts.jsonl", "labels.csv")
    accounts("others.jsonl", "unused.csv", number=4)


def fairness() -> None:
    calibration()


def matrix() -> None:
    corpus("people", "letters", people(24))
    outputs("outputs", "toy-1M")
    outputs("tuned-outputs", "toy-3M")


def output_sets() -> None:
    Path("prompts.txt").write_text("\n".join(t[:40].replace("\n", " ") for t in people(9)))
    for source, texts in (("webtext", people(3)), ("xl-1542M-k40", machines(3))):
        corpus("files", source, texts)
        Path(f"files/{source}.test.jsonl").rename(f"{source}.test.jsonl")


def probes() -> None:
    write("seen.jsonl", labelled(people(24), "human"))
    write("held.jsonl", labelled(standin("maps", documents=24), "human"))


def provenance() -> None:
    build = "outputs build --out set --model ladder-0.5M --sampling k40 --max-tokens 4"
    assert main([*build.split(), "--train", "1", "--valid", "1", "--test", "1", "--quiet"]) == 0
    Path("essay.txt").write_text(people(1)[0], encoding="utf-8")


def scale() -> None:
    Path("posts").mkdir()
    write("posts/a.jsonl", (
        {"account": "ab"[i % 2], "time": i, "text": text} for i, text in enumerate(people(4))
    ))  # fmt: skip


def study() -> None:
    for name in ("355M", "774M", "1542M", "webtext"):
        draw = random.Random(name)
        texts = (text.split(". ") for text in standin("maps", documents=100))
        long = islice((t for t in texts if len(t) > 5), 24)
        write(f"{name}.jsonl", ({"text": ". ".join(draw.sample(t, 5)) + "."} for t in long))
    Path("tables").mkdir()
    answers = [
        f"r{rater},t{text},{condition},credibility.{word},{rater + text},{text}"
        for rater in range(1, 7) for text, condition in enumerate(("355M", "774M", "1.5B"))
        for word in ("believable", "accurate", "clear")
    ]  # fmt: skip
    for file, lines in (
        ("answers.csv", ["rater,text,condition,question,value,position", *answers]),
        ("raters.csv", ["rater,status", *(f"r{rater},completed" for rater in range(1, 7))]),
    ):
        Path("tables", file).write_text("\n".join(lines) + "\n", encoding="utf-8")


def training() -> None:
    Path("texts").mkdir()
    for i, text in enumerate(people(40)):
        Path(f"texts/{i}.txt").write_text(text, encoding="utf-8")
    Path("notes.txt").write_text("\n".join(people(40)), encoding="utf-8")


INPUTS: dict[str, Callable[[], None]] = {  # pages that are run in this folder
    "README.md": readme,
    "docs/attacks.md": attacks,
    "docs/calibration.md": calibration,
    "docs/cases.md": cases,
    "docs/detectors.md": detectors,
    "docs/encoder.md": encoder,
    "docs/evidence.md": evidence,
    "docs/fairness.md": fairness,
    "docs/matrix.md": matrix,
    "docs/outputs.md": output_sets,
    "docs/probes.md": probes,
    "docs/provenance.md": provenance,
    "docs/scale.md": scale,
    "docs/study.md": study,
    "docs/training.md": training,
}
