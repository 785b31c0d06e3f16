"""The measurements of a run, each a call of the library and a result file with its command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from hallmark.data import write_atomically
from hallmark.evaluate.attack_table import LEAST_HUMAN, attack_table
from hallmark.models.folder import read_json, sha256_of, write_json
from hallmark.models.sizes import MANIFEST
from hallmark.outputs.imports import practised
from hallmark.outputs.names import source_of
from hallmark.outputs.outputset import open_outputs
from hallmark.outputs.plan import make_plan
from hallmark.outputs.settings import BuildConfig
from hallmark.outputs.summary import summarise
from hallmark.release.pipeline.people import texts_of
from hallmark.release.pipeline.settings import Scale

Origin = Mapping[str, Any]  # the command and the seed of a result
Share = Callable[[float, str], None]
RATES = (0.01, 0.05)  # false-positive rates of the floors, as a cross table has them
FPR = 0.05  # of the attacks


def build_outputs(
    folder: Path, folders: Mapping[str, Path], scale: Scale, *, seed: int, precision: str,
    device: str, tell: Share,
) -> None:  # fmt: skip
    """Every stage's texts under every sampling, in FOLDER/outputs."""
    from hallmark.outputs.build import Models, Step, build

    plan = make_plan(build_config(scale, seed=seed), list(folders))
    done = 0

    def on_step(step: Step) -> None:
        nonlocal done
        done += step.documents
        tell(done / plan.total, f"{done:,} of {plan.total:,} texts")

    build(folder / "outputs", plan, Models(dict(folders), precision, device), on_step=on_step)


def build_config(scale: Scale, *, seed: int) -> BuildConfig:
    """The settings of the output set."""
    return BuildConfig(
        sampling=scale.sampling, train=scale.train, valid=scale.valid, test=scale.test,
        max_tokens=scale.max_tokens, shard=scale.shard, seed=seed,
    )  # fmt: skip


def studied(scale: Scale, model: str) -> str:
    """The corpus of a model that people would read: top-k 40, or the first sampling."""
    settings = build_config(scale, seed=0).settings()
    chosen = next((s for s in settings if s.text == "k40"), settings[0])
    return source_of(model, chosen.tag)


def describe_outputs(folder: Path, out: Path, origin: Origin) -> None:
    """Lengths, ends and repetition of each file of the output set."""
    opened = open_outputs(folder / "outputs")
    write_json(out, {
        **origin, "manifest_sha256": sha256_of(folder / "outputs" / MANIFEST),
        "files": [asdict(summary) for summary in summarise(opened)],
    })  # fmt: skip


def cross_table(folder: Path, settings: Any, out: Path, *, home: Path, origin: Origin,
                tell: Share) -> None:  # fmt: skip
    """The detectors of the run, in FOLDER/matrix and as evidence."""
    from hallmark.evaluate.matrix import RESULT, matrix

    matrix(
        [folder / "outputs"], folder / "human", folder / "matrix", settings, home=home,
        on_step=lambda step: tell(step.done / max(step.total, 1), step.what),
    )  # fmt: skip
    write_json(out, {**origin, **read_json(folder / "matrix" / RESULT)})


def floors(matrix: Path, out: Path, origin: Origin) -> None:
    """From the cross table: what share of each stage's texts its own detector finds.

    For each stage, sampling and detector that was trained on both, at the table's length: TPR at
    the thresholds for 1 % and 5 % false positives, the false positives that were met, and AUROC.
    """
    table = read_json(matrix)
    length = max(cell["length"] for cell in table["cells"])
    columns = {column["name"]: column for column in table["columns"]}
    found = [
        {
            "stage": columns[cell["column"]]["size"],
            "sampling": columns[cell["column"]]["sampling"],
            "detector": cell["detector"], "length": length, "fpr": rate,
            "tpr": cell["tpr"][at], "fpr_met": cell["fpr"][at], "auroc": cell["auroc"],
        }
        for cell in table["cells"]
        if cell["length"] == length and cell["row"] == cell["column"]
        for at, rate in enumerate(RATES)
    ]  # fmt: skip
    own = {key: table[key] for key in ("practice",) if key in table}
    write_json(out, {
        **origin, **own, "from": {"matrix.json": sha256_of(matrix)}, "floors": found,
    })  # fmt: skip


def attacked_texts(folder: Path, source: str, scale: Scale) -> None:
    """The texts to disguise, in FOLDER/attacks.jsonl: test texts of a corpus, and people's (of
    all splits where their test texts are too few).
    """
    opened = open_outputs(folder / "outputs")
    synthetic = [d.text for d in opened.documents(source, "test")][: scale.attacked]
    human = list(islice(_human(folder), max(scale.attacked, LEAST_HUMAN)))
    rows = [("synthetic", text) for text in synthetic] + [("human", text) for text in human]
    with write_atomically(folder / "attacks.jsonl") as file:
        for label, text in rows:
            if text.strip():
                file.write(json.dumps({"label": label, "text": text}).encode() + b"\n")


def _human(folder: Path) -> Iterator[str]:
    for split in ("test", "valid", "train"):
        yield from (str(record["text"]) for record in texts_of(folder / "human", split))


def attack(folder: Path, out: Path, origin: Origin, *, home: Path, seed: int, tell: Share) -> None:
    """What RAID's disguises cost the bundled detector; what is missing where there are too few
    human texts to set a threshold.
    """
    from hallmark.detect.judge import load_scorer
    from hallmark.detect.verdict import BUNDLED_DETECTOR
    from hallmark.evaluate.attacks import attacks

    lines = (folder / "attacks.jsonl").read_bytes().splitlines()
    by_label: dict[str, list[str]] = {"human": [], "synthetic": []}
    for row in map(json.loads, lines):
        by_label[row["label"]].append(row["text"])
    human, synthetic = by_label["human"], by_label["synthetic"]
    if len(human) < LEAST_HUMAN:
        why = f"{len(human)} human texts are too few to set a threshold; {LEAST_HUMAN} are needed"
        write_json(out, {**origin, "missing": why})
        return
    changes, done = attacks(), 0
    total = 2 * (len(human) + len(synthetic) * (1 + len(changes)))

    def on_texts(count: int) -> None:
        nonlocal done
        done += count
        tell(min(done / total, 1.0), "texts scored")

    table = attack_table(
        load_scorer(BUNDLED_DETECTOR, home=home), human, synthetic, changes, fpr=FPR, seed=seed,
        on_texts=on_texts,
    )  # fmt: skip
    own = practised(folder / "human")
    write_json(out, {
        **origin, **own, "detector": BUNDLED_DETECTOR, "fpr": FPR, **asdict(table),
    })  # fmt: skip


def misuse(
    folder: Path, settings: Any, out: Path, *, position: str, model: tuple[str, Path], home: Path,
    device: str, origin: Origin, tell: Share,
) -> None:  # fmt: skip
    """What fine-tuning to a position changes, in FOLDER/misuse and as evidence."""
    from hallmark.evaluate.misuse import RESULT, Inputs, misuse

    inputs = Inputs(position, folder / "human", *model, home, device)
    misuse(
        inputs, folder / "misuse", settings, command=str(origin["command"]),
        on_step=lambda step: tell(step.done / max(step.total, 1), step.what),
    )  # fmt: skip
    write_json(out, read_json(folder / "misuse" / RESULT))  # it names its command itself


def study_power(study: Path, out: Path, origin: Origin, *, studies: int, seed: int) -> None:
    """With what chance the study would find each difference, if people answered it."""
    from hallmark.study.definition import load_study
    from hallmark.study.power import promises
    from hallmark.study.texts import usable

    made = load_study(study)
    contrasts = [asdict(p) for p in promises(made, studies=studies, seed=seed)]
    found = {"contrasts": contrasts, "usable_texts": usable(made, study.parent)}
    write_json(out, {**origin, "studies": studies, **found})
