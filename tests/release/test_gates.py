"""Plans: what is read, which gates a stage has, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from hallmark.release.gates import Gate, hash_of, read_plan
from hallmark.release.paths import find
from hallmark.release.template import write_template

from .conftest import EVIDENCE, PLAN


def test_the_gates_of_each_stage(plan: Path) -> None:
    read = read_plan(plan)
    assert [g.id for g in read.gates_of("small")] == ["floor", "copied"]  # nothing lies before it
    assert [g.id for g in read.gates_of("large")] == ["floor", "step", "copied", "words"]
    with pytest.raises(ValueError, match="no stage 'huge'; it has small, large"):
        read.gates_of("huge")


def test_stage_and_before_stand_for_names(plan: Path) -> None:
    read = read_plan(plan)
    file, path, steps = read.where(read.gates[1], "large")
    assert (file, path) == ("study.json", "differences[higher=large,lower=small].estimate")
    assert find(EVIDENCE["study.json"], steps)[-1]["value"] == 0.2


def test_every_field_is_in_the_text_that_is_signed(plan: Path) -> None:
    gate = read_plan(plan).gates[0]
    changed = {
        "id": "other", "title": "T", "file": "f", "path": "p", "comparison": "at most",
        "bound": 0.81, "stage": "small", "interval": False, "people": True,
    }  # fmt: skip
    assert set(changed) == set(gate.__dict__)
    for name, value in changed.items():
        assert hash_of(Gate(**{**gate.__dict__, name: value}).text) != hash_of(gate.text), name
    assert "bound = 0.8\n" in gate.text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Two stages"', "", "has no title"),
        ('stages = ["small", "large"]', "stages = []", "stages must be a list of different names"),
        ('["small", "large"]', '["a", "a"]', "stages must be a list of different names"),
        ('["small", "large"]', '["../a"]', "stages must be a list of different names"),
        ('stage = "large"', 'stage = "huge"', "stage 'huge' of words is none of *, small, large"),
        ('id = "step"', 'id = "floor"', "several gates floor"),
        ('id = "step"', 'id = "plan"', "id 'plan' must be of a-z, 0-9 and -"),
        ('id = "step"', "", "gate 2 lacks id"),
        ('"at most"', '"below"', "comparison 'below' must be one of at least, at most, within"),
        ("bound = 0.5", "bound = -0.5", "gate 2: bound -0.5 must be a number from 0"),
        ("bound = 0.8", "bound = nan", "gate 1: bound nan must be a number"),
        ("bound = 0.8", 'bound = "0.8"', "gate 1: bound must be float, not '0.8'"),
        ("people = true", "people = 1", "gate 2: people must be bool, not 1"),
        ("people = true", "person = true", "gate 2 has person; what is known: id, title"),
        ('"study.json"', '"../study.json"', "must lie within the folder of evidence"),
        ('"study.json"', '"/study.json"', "must lie within the folder of evidence"),
        ('path = "words"', 'path = "words["', "gate 4: 'words[' is no path"),
        ('stage = "large"', 'stage = "small"\npeople = "{before}"', "people must be bool"),
        ("[[gate]]", "[gate", "is not TOML"),
    ],
)
def test_what_is_refused(old: str, new: str, message: str, plan: Path) -> None:
    assert old in PLAN
    plan.write_text(PLAN.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ValueError) as error:  # noqa: PT011
        read_plan(plan)
    assert message in str(error.value)
    assert str(plan) in str(error.value)


def test_the_first_stage_has_none_before_it(plan: Path) -> None:
    text = PLAN.replace('id = "step"', 'id = "step"\nstage = "small"')
    plan.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="step compares the first stage with one before it"):
        read_plan(plan)


def test_the_template_is_a_plan(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    write_template(path)
    read = read_plan(path)
    assert len(read.gates_of("124M")) == len(read.gates) - 1
    assert [gate.id for gate in read.gates if gate.people] == ["credibility-step"]
    assert all(gate.interval for gate in read.gates)
    with pytest.raises(ValueError, match="there already"):
        write_template(path)
