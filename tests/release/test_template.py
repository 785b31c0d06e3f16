"""Every gate of the plan to begin with reads a value that Hallmark writes: no path is a guess."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from hallmark.evaluate.matrix import matrix
from hallmark.evaluate.settings import MatrixConfig
from hallmark.outputs.imports import import_outputs
from hallmark.release.gates import read_plan
from hallmark.release.template import TEMPLATE
from hallmark.release.values import read_result, read_value
from hallmark.study.analysis import analyse
from hallmark.study.definition import parse_study
from hallmark.study.plan import deal
from hallmark.study.ratings import Answer
from hallmark.study.report import write_report
from hallmark.study.template import study_file

DOCS = Path(__file__).parent.parent.parent / "docs"
STAGES = ("ladder-3M", "ladder-7M")
BUNDLED = "ladder-7M"
RESULTS = {
    "misuse": "misuse/misuse.json", "memorisation": f"probes/memorisation-{BUNDLED}.json",
    "bias": f"probes/bias-{BUNDLED}.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what each command wrote."""
    folder = tmp_path_factory.mktemp("evidence")
    for kind, source in RESULTS.items():
        (folder / f"{kind}-{BUNDLED}.json").write_bytes((DOCS / source).read_bytes())
    write_study(folder / "study")
    write_matrix(folder)
    return folder


def write_study(folder: Path) -> None:
    """The result of a study of the two stages with ratings by chance."""
    study = parse_study(tomllib.loads(study_file({name: f"{name}.jsonl" for name in STAGES})))
    draw, rows = np.random.default_rng(0), []
    for rater, hand in enumerate(deal(study.design, len(study.conditions), 6)):
        for position, (c, text) in enumerate(hand, start=1):
            name = study.conditions[c].name
            for question in study.scales[0].questions:
                value = float(np.clip(np.round(5 + 2 * draw.normal()), 1, 10))
                rows.append(Answer(
                    rater=f"r{rater}", text=f"{name}-{text}", condition=name, position=position,
                    question=question, value=value,
                ))  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hallmark.study.agreement._RESAMPLES", 20)  # what it says is not tested here
        write_report(analyse(rows, study=study), rows, [], folder)


def write_matrix(folder: Path) -> None:
    """The cross table of two outputs of the last stage, at the length that the gates name."""
    draw = np.random.default_rng(0)
    words = {"ladder-7M": "a of the sea", "ladder-7M-k40": "a of the of", "prose": "we a saw it"}
    for source, own in words.items():
        for first, split in ((0, "train"), (8, "valid"), (16, "test")):
            texts = [" ".join(draw.choice(own.split(), 600)) for _ in range(8)]
            records = [
                {"id": i, "ended": True, "length": 600, "text": t}
                for i, t in enumerate(texts, first)
            ]
            path = folder / ("human" if source == "prose" else "files") / f"{source}.{split}.jsonl"
            path.parent.mkdir(exist_ok=True)
            path.write_text("".join(json.dumps(record) + "\n" for record in records))
    import_outputs([folder / "files"], folder / "outputs")
    config = MatrixConfig(detectors="tfidf", lengths="510", tokenizer="ladder-0.5M")
    matrix([folder / "outputs"], folder / "human", folder, config, home=folder)


def test_every_gate_reads_what_is_written(evidence: Path, tmp_path: Path) -> None:
    stages = ", ".join(json.dumps(stage) for stage in STAGES)
    path = tmp_path / "plan.toml"
    path.write_text(TEMPLATE.replace('["124M", "355M", "774M", "1.5B"]', f"[{stages}]"))
    plan = read_plan(path)
    gates = plan.gates_of(BUNDLED)
    assert len(gates) == 9
    for gate in gates:
        file, _, steps = plan.where(gate, BUNDLED)
        found = read_value(read_result(evidence / file), steps)
        assert found.low is not None, gate.id
        assert found.high is not None, gate.id
        assert found.low <= found.value <= found.high, gate.id
        assert found.n, gate.id
        assert not found.simulated


def test_results_name_the_command_and_the_seed(evidence: Path) -> None:
    for kind in RESULTS:
        found = read_result(evidence / f"{kind}-{BUNDLED}.json")
        assert found["command"].startswith("hallmark ")
        assert found["seed"] == 0
        assert found["model"] == BUNDLED
