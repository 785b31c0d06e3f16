"""Each gate against its evidence, and what all of them say together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hallmark.outputs.names import TRIAL
from hallmark.release.decide import OWN_TEXTS, Decision, Outcome, Status, decide, judge
from hallmark.release.gates import COMPARISONS, Gate, read_plan
from hallmark.release.lock import lock_path, read_lock
from hallmark.release.record import as_markdown, as_record
from hallmark.release.values import Found

from .conftest import EVIDENCE, PLAN, estimate

PASS, FAIL, OPEN, MISSING = Status.PASS, Status.FAIL, Status.INCONCLUSIVE, Status.MISSING


def decision(plan: Path, evidence: Path, stage: str = "large") -> Decision:
    return decide(read_plan(plan), read_lock(lock_path(plan)), evidence, stage=stage)


def status(made: Decision, id: str) -> tuple[Status, str]:
    judged = next(j for j in made.judged if j.gate.id == id)
    return judged.status, judged.reason


@pytest.mark.parametrize(
    ("comparison", "low", "high", "expected"),
    [
        ("at least", 0.5, 0.9, PASS), ("at least", 0.49, 0.9, OPEN), ("at least", 0.1, 0.49, FAIL),
        ("at least", 0.1, 0.5, OPEN),
        ("at most", 0.1, 0.5, PASS), ("at most", 0.1, 0.51, OPEN), ("at most", 0.51, 0.9, FAIL),
        ("at most", 0.5, 0.6, OPEN),
        ("within", -0.5, 0.5, PASS), ("within", -0.6, 0.1, OPEN), ("within", 0.1, 0.6, OPEN),
        ("within", 0.6, 0.9, FAIL), ("within", -0.9, -0.6, FAIL), ("within", -0.9, 0.9, OPEN),
    ],
)  # fmt: skip
def test_an_interval_against_a_bound(
    comparison: str, low: float, high: float, expected: Status
) -> None:
    gate = Gate("g", "G", "f", "p", comparison, 0.5)
    assert judge(gate, Found((low + high) / 2, low, high, 9))[0] is expected
    alone = judge(Gate("g", "G", "f", "p", comparison, 0.5, interval=False), Found(low))[0]
    assert alone in (PASS, FAIL)


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_the_value_alone_where_the_gate_says_so(comparison: str) -> None:
    gate = Gate("g", "G", "f", "p", comparison, 0.5, interval=False)
    assert judge(gate, Found(0.5, 0.0, 1.0, 9))[0] is PASS


@pytest.mark.parametrize("found", [Found(0.9), Found(0.9, 0.8, 1.0), Found(0.9, n=5)])
def test_a_value_without_interval_or_n_says_nothing(found: Found) -> None:
    assert judge(Gate("g", "G", "f", "p", "at least", 0.5), found)[0] is MISSING


@pytest.mark.parametrize("people", [True, False])
def test_simulated_data_passes_no_gate(people: bool) -> None:
    gate = Gate("g", "G", "f", "p", "at least", 0.5, people=people)
    found, reason = judge(gate, Found(0.9, 0.8, 1.0, 50, simulated=True))
    assert found is MISSING
    assert ("only people can supply this" in reason) is people


def test_what_is_compared_with_practice_texts_passes_no_gate_and_fails_none() -> None:
    gate = Gate("g", "G", "f", "p", "at least", 0.5)
    for low, high in ((0.8, 1.0), (0.1, 0.2)):
        found, reason = judge(gate, Found(low, low, high, 50, practice=True))
        assert (found, "practice texts" in reason) == (MISSING, True)


def test_practice_texts_are_said_on_the_page(signed: Path, evidence: Path) -> None:
    before = decision(signed, evidence)
    assert TRIAL not in as_markdown(before, decided="now")
    table = {**EVIDENCE["matrix.json"], "practice": True}
    (evidence / "matrix.json").write_text(json.dumps(table), encoding="utf-8")
    made = decision(signed, evidence)
    assert made.outcome is Outcome.OPEN
    assert status(made, "floor") == (MISSING, OWN_TEXTS)
    assert status(made, "copied")[0] is PASS
    page = as_markdown(made, decided="now")
    assert page.index(f"**{TRIAL}**") < page.index("| Gate |")
    assert "0.88 [0.82, 0.93] (n = 100), practice texts" in page
    assert as_record(made, decided="now")["gates"][0]["found"]["practice"] is True


def test_all_gates_pass(signed: Path, evidence: Path) -> None:
    made = decision(signed, evidence)
    assert [j.status for j in made.judged] == [PASS] * 4
    assert made.outcome is Outcome.PASS
    record = as_record(made, decided="now")
    assert json.loads(json.dumps(record)) == record
    assert record["gates"][1]["found"] == {**estimate(0.2, 0.1, 0.4), "simulated": False}
    assert record["gates"][1]["path"] == "differences[higher=large,lower=small].estimate"
    assert record["gates"][0]["origin"] == {"command": "hallmark matrix", "seed": 3}
    page = as_markdown(made, decided="now")
    assert "; command `hallmark matrix`, seed `3`\n" in page
    assert page.endswith("; it names neither command nor seed\n")
    assert "0.88 [0.82, 0.93] (n = 100)" in page
    assert "What is missing" not in page


def test_what_is_missing_is_said(signed: Path, evidence: Path) -> None:
    (evidence / "study.json").unlink()
    (evidence / "copied-large.json").write_text('{"copied": NaN}', encoding="utf-8")
    (evidence / "matrix.json").write_text('{"cells": []}', encoding="utf-8")
    made = decision(signed, evidence)
    assert made.outcome is Outcome.OPEN
    assert status(made, "step") == (
        MISSING, "study.json is not among the evidence; only people can supply this"
    )  # fmt: skip
    assert status(made, "floor")[1] == (
        "matrix.json: 0 of 0 cells are [trained=large,tested=large-k40], not one"
    )
    assert status(made, "copied")[1].startswith("copied-large.json is not valid JSON (NaN")
    page = as_markdown(made, decided="now")
    assert "- Credibility (`step`): study.json is not among the evidence; only people" in page


def test_a_simulated_study_is_no_study(signed: Path, evidence: Path) -> None:
    study = {**EVIDENCE["study.json"], "simulated": True}
    (evidence / "study.json").write_text(json.dumps(study), encoding="utf-8")
    made = decision(signed, evidence)
    assert status(made, "step") == (
        MISSING, "the data is simulated; only people can supply this"
    )  # fmt: skip
    assert made.outcome is Outcome.OPEN
    assert "0.2 [0.1, 0.4] (n = 100), simulated" in as_markdown(made, decided="now")


def test_one_gate_that_fails_is_enough(signed: Path, evidence: Path) -> None:
    copied = {**EVIDENCE["copied-large.json"], "words": 9}
    (evidence / "copied-large.json").write_text(json.dumps(copied), encoding="utf-8")
    made = decision(signed, evidence)
    assert status(made, "words") == (FAIL, "the value misses the bound")
    assert made.outcome is Outcome.FAIL


def test_a_changed_gate_never_passes_in_silence(signed: Path, evidence: Path) -> None:
    signed.write_text(PLAN.replace("bound = 0.8", "bound = 0.7"), encoding="utf-8")
    made = decision(signed, evidence)
    assert {j.status for j in made.judged} == {PASS}
    assert made.outcome is Outcome.OPEN
    page = as_markdown(made, decided="now")
    signed_text, now = page.partition("Now:")[::2]
    assert "bound = 0.8\n" in signed_text
    assert "bound = 0.7\n" in now


def test_a_stage_without_gates_is_open(signed: Path, evidence: Path) -> None:
    signed.write_text(PLAN.partition("[[gate]]")[0] + "gate = []", encoding="utf-8")
    assert decision(signed, evidence).outcome is Outcome.OPEN
