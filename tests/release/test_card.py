"""The model card, read back by Hugging Face's own parser."""

from __future__ import annotations

import json
from pathlib import Path

from huggingface_hub import ModelCard

from hallmark.outputs.names import TRIAL
from hallmark.release.card import About, model_card, shape_of
from hallmark.release.decide import decide
from hallmark.release.gates import read_plan
from hallmark.release.lock import lock_path, read_lock

from .conftest import EVIDENCE

EVAL = {
    "model": "tiny",
    "results": [
        {
            "task": "lambada", "protocol": "paper", "accuracy": 0.4,
            "accuracy_interval": [0.3, 0.5], "n": 90, "perplexity": 12.5, "published": None,
        },
        {"task": "essay.txt", "protocol": "strict", "bits_per_byte": 1.25},
        {"task": "empty", "protocol": "strict", "accuracy": None},
    ],
}  # fmt: skip


def card(plan: Path, evidence: Path, model: Path | None = None, license: str | None = None) -> str:
    decision = decide(read_plan(plan), read_lock(lock_path(plan)), evidence, stage="large")
    return model_card(decision, About("tiny: a model", license), evidence=evidence, model=model)


def test_hugging_face_reads_the_results(signed: Path, evidence: Path, model: Path) -> None:
    (evidence / "eval.json").write_text(json.dumps(EVAL), encoding="utf-8")
    (evidence / "broken.json").write_text("{", encoding="utf-8")
    text = card(signed, evidence, model, "mit")
    read = ModelCard(text)
    assert (read.data.license, read.data.model_name) == ("mit", "tiny: a model")
    results = {r.metric_type: r for r in read.data.eval_results}
    assert len(results) == 7
    assert results["floor"].metric_value == 0.88
    assert results["floor"].metric_args == {"low": 0.82, "high": 0.93, "n": 100}
    assert results["floor"].dataset_name == "evidence/matrix.json"
    assert results["accuracy"].metric_args == {"accuracy_interval": [0.3, 0.5], "n": 90}
    assert results["accuracy"].metric_name == "accuracy (paper protocol)"
    assert (results["bits_per_byte"].dataset_name, results["bits_per_byte"].metric_value) == (
        "essay.txt", 1.25
    )  # fmt: skip
    assert "- n_layer 2, n_head 1\n" in text
    assert "released as stage large of: Two stages" in text


def test_simulated_figures_are_in_no_metadata(signed: Path, evidence: Path) -> None:
    study = {**EVIDENCE["study.json"], "simulated": True}
    (evidence / "study.json").write_text(json.dumps(study), encoding="utf-8")
    (evidence / "eval.json").write_text(json.dumps({**EVAL, "simulated": True}), encoding="utf-8")
    text = card(signed, evidence)
    read = ModelCard(text)
    assert {r.metric_type for r in read.data.eval_results} == {"floor", "copied", "words"}
    assert read.data.license is None
    assert "- Credibility: not known (the data is simulated; only people can supply this)." in text


def test_figures_beside_practice_texts_are_in_no_metadata(signed: Path, evidence: Path) -> None:
    assert TRIAL not in card(signed, evidence)
    table = {**EVIDENCE["matrix.json"], "practice": True}
    (evidence / "matrix.json").write_text(json.dumps(table), encoding="utf-8")
    text = card(signed, evidence)
    assert {r.metric_type for r in ModelCard(text).data.eval_results} == {"step", "copied", "words"}
    assert f"**{TRIAL}**" in text
    assert "- Detection: not known (compared with practice texts; give people's texts of" in text


def test_a_card_without_any_evidence(signed: Path, evidence: Path, tmp_path: Path) -> None:
    for path in evidence.iterdir():
        path.unlink()
    text = card(signed, evidence, tmp_path / "nothing")
    assert ModelCard(text).data.to_dict()["language"] == "en"
    assert text.count(": not known (") == 4


def test_a_title_cannot_break_the_table(signed: Path, evidence: Path) -> None:
    text = signed.read_text("utf-8").replace('"Detection"', '"a | b <i>"')
    signed.write_text(text, encoding="utf-8")
    made = card(signed, evidence)
    assert "| a \\| b &lt;i> |" in made
    assert "- Gate floor: changed after the plan was signed." in made


def test_a_model_without_a_configuration(tmp_path: Path) -> None:
    assert shape_of(tmp_path) == {}
