"""A whole release: killed and gone on with, read back by hash, and every tampering found."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from hallmark.models.folder import sha256_of
from hallmark.models.sizes import BUNDLED
from hallmark.outputs.names import TRIAL
from hallmark.release.gates import read_plan
from hallmark.release.keys import read_public
from hallmark.release.pipeline import steps
from hallmark.release.pipeline.run import Given, Run
from hallmark.release.pipeline.settings import ReproduceConfig
from hallmark.release.pipeline.stages import MARKERS, key_of
from hallmark.release.verify import verify

from .conftest import MODELS, TIMEOUT, Released, start

LARGEST = MODELS[-1]
pytestmark = pytest.mark.timeout(3 * TIMEOUT)
CACHES = {"cache", MARKERS}


def files_of(folder: Path) -> dict[str, str]:
    """Hashes of all that a run is about; caches and markers are how it went."""
    paths = (p.relative_to(folder) for p in sorted(folder.rglob("*")) if p.is_file())
    return {str(p): sha256_of(folder / p) for p in paths if not CACHES & set(p.parts)}


def test_killed_twice_the_same_bytes(released: Released) -> None:
    """Within the output set, and among the detectors; the bytes are those of a run nobody killed.

    What misuse fine-tuned comes from the first run's cache, which goes by hash: that it goes on
    after a kill is its own tests' matter, and takes seconds.
    """
    out = released.work / "again"
    for name in ("outputs", "detection"):
        process = start(released.arguments, out, killed_in=name)
        _, errors = process.communicate(timeout=TIMEOUT)
        assert process.returncode == -9, errors
        assert not (out / MARKERS / f"{name}.json").exists()
    shutil.copytree(released.out / "misuse" / "cache", out / "misuse" / "cache")
    process = start(released.arguments, out)
    done, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, errors
    assert done.strip().endswith("report.html")
    assert re.search(r"outputs: done before", errors)
    assert files_of(out) == files_of(released.out)


def test_what_is_up_to_date_is_not_made_again(released: Released, run_cli, monkeypatch) -> None:
    before = {p: p.stat().st_mtime_ns for p in (released.out / "evidence").rglob("*.json")}
    done = start((*released.arguments, "--json"), released.out)
    out, errors = done.communicate(timeout=TIMEOUT)
    assert done.returncode == 0, errors
    assert json.loads(out)["ran"] == []
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_another_bundled_detector_has_measurements_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "detector"
    own.mkdir()
    (own / "config.json").write_text("{}")
    monkeypatch.setattr(steps, "DETECTOR", own)
    config = ReproduceConfig(scale="small")
    models = {name: BUNDLED / name for name in MODELS}
    run = Run(
        tmp_path, models, config, tmp_path, tmp_path / "key", Given(), "float32", "cpu",
        bundled=True,
    )  # fmt: skip
    before = {stage.name: key_of(stage) for stage in steps.steps_of(run)}
    (own / "config.json").write_text("{ }")
    after = {stage.name: key_of(stage) for stage in steps.steps_of(run)}
    changed = {name for name, key in after.items() if key != before[name]}
    assert changed == {"detection", "attacks", "misuse"}


def test_gates_are_signed_before_anything_is_measured(released: Released) -> None:
    times = {p.stem: p.stat().st_mtime_ns for p in (released.out / MARKERS).glob("*.json")}
    measured = ("study", "detection", "attacks", "misuse", f"bias-{LARGEST}", f"release-{LARGEST}")
    assert all(times["plan"] < times[name] for name in measured)
    plan = read_plan(released.out / "plan.toml")
    assert plan.stages == MODELS
    wanted = {"credibility-step", "detection-k40", "misuse-delta", "memorisation", "bias-gender"}
    assert wanted <= {gate.id for gate in plan.gates}


def test_a_reader_finds_every_number_in_the_release_folder_alone(released: Released) -> None:
    folder = released.out / "release" / LARGEST
    public = read_public(released.key.with_name("key.pub"))
    assert verify(folder, public_key=public).problems == ()
    page = (folder / "report.html").read_text("utf-8")
    found = re.findall(
        r'<a href="([^"]+)">\1</a></code>, at <code>([^<]+)</code>; SHA-256 <code>(\w+)</code>; '
        r"command <code>([^<]+)</code>; seed <code>([^<]+)</code>", page,
    )  # fmt: skip
    assert len(found) >= 12
    for name, _, sha256, command, seed in found:
        assert sha256_of(folder / name) == sha256
        assert command.startswith("hallmark ")
        assert seed == "0"
    anchors = set(re.findall(r'id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= anchors


def test_no_path_of_the_machine_is_in_what_is_released(released: Released) -> None:
    for path in (released.out / "release").rglob("*"):
        if path.suffix in (".json", ".md", ".html", ".toml"):
            assert str(released.work.parent) not in path.read_text("utf-8"), path


def test_the_simulated_study_is_nobodys_finding(released: Released) -> None:
    decision = json.loads((released.out / "release" / LARGEST / "decision.json").read_text("utf-8"))
    step = next(g for g in decision["gates"] if g["id"] == "credibility-step")
    assert (step["status"], step["found"]["simulated"]) == ("missing", True)
    assert "only people can supply this" in step["reason"]
    page = (released.out / "report" / "report.md").read_text("utf-8")
    assert page.count("SIMULATED") >= 2


@pytest.mark.parametrize(
    ("name", "old", "new", "problem"),
    [
        ("plan.toml", "bound = 0.5", "bound = 0.1", r"gate [\w-]+ was changed after signing"),
        ("evidence/matrix.json", '"n_human": ', '"n_human": 1', r"evidence/matrix.json is not the"),
        ("evidence/misuse-ladder-1M.json", '"seed": 0', '"seed": 1', r"evidence/misuse-ladder-1M"),
        ("report.html", "undecided", "supported", r"report.html is not the file that was signed"),
    ],
)
def test_what_was_edited_is_found(
    name: str, old: str, new: str, problem: str, released: Released, tmp_path: Path
) -> None:
    folder = tmp_path / "received"
    shutil.copytree(released.out / "release" / LARGEST, folder)
    text = (folder / name).read_text("utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")
    assert any(re.search(problem, line) for line in verify(folder).problems)


def test_a_swapped_checkpoint_is_found(released: Released, tmp_path: Path) -> None:
    folder = tmp_path / "received"
    shutil.copytree(released.out / "release" / LARGEST, folder)
    other = released.out / "release" / MODELS[0] / "model" / "model.safetensors"
    shutil.copyfile(other, folder / "model" / "model.safetensors")
    assert verify(folder).problems == ("model/model.safetensors is not the file that was signed",)


def test_an_edit_within_the_run_is_refused(released: Released, tmp_path: Path, run_cli) -> None:
    run = tmp_path / "run"
    shutil.copytree(released.out, run)
    plan = run / "plan.toml"
    plan.write_text(plan.read_text("utf-8").replace("0.25", "0.9"), encoding="utf-8")
    process = start(released.arguments, run)
    _, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert "plan.toml is not what the stage plan wrote" in errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--scale", "tiny"), "no scale is called 'tiny'; use full, medium, small"),
        (("--model", "ladder", "--model", "7M"), "a model is named twice"),
        (("--model", "gpt2-xl"), "1.5B is not on this machine; run `hallmark get 1.5B` first"),
        (("--human", "nowhere"), "nowhere is not there"),
        (("--time", "soon"), "'soon' is no time"),
        (("--position", ""), "the position is empty"),
    ],
)
def test_what_cannot_be_run(
    arguments: tuple[str, ...], message: str, run_cli, tmp_path: Path
) -> None:
    done = run_cli("reproduce", "--out", tmp_path / "out", *arguments)
    assert done.code == 1
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_plan_of_other_stages_is_refused_before_anything_is_written(
    run_cli, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'title = "t"\nstages = ["ladder-0.5M", "ladder-1M"]\n[[gate]]\nid = "g"\ntitle = "G"\n'
        'file = "f.json"\npath = "p"\ncomparison = "at least"\nbound = 0\n', encoding="utf-8",
    )  # fmt: skip
    done = run_cli("reproduce", "--out", tmp_path / "out", "--plan", plan)
    assert done.code == 1
    assert "give --model ladder-0.5M --model ladder-1M, or change the plan" in done.err
    assert not (tmp_path / "out").exists()


def test_practice_texts_give_no_finding(released: Released) -> None:
    """This run has no texts of people's own."""
    folder = released.out / "release" / LARGEST
    for name in ("matrix", "detection", f"misuse-{LARGEST}"):
        value = json.loads((folder / "evidence" / f"{name}.json").read_text("utf-8"))
        assert value["practice"] is True, name
    decision = json.loads((folder / "decision.json").read_text("utf-8"))
    for gate in decision["gates"]:
        if gate["id"].startswith(("detection-", "misuse-")):
            assert (gate["status"], "practice texts" in gate["reason"]) == ("missing", True)
    assert all(TRIAL in (folder / n).read_text("utf-8") for n in ("decision.md", "model-card.md"))
    assert "0 supported, 0 undecided, 0 contradicted" in (folder / "report.md").read_text("utf-8")


def test_a_folder_belongs_to_one_run(released: Released, tmp_path: Path, run_cli) -> None:
    other = run_cli("reproduce", "--out", released.out, "--model", "7M")
    assert other.code == 1
    assert "belongs to another run (other stages" in other.err
    (tmp_path / "file").write_bytes(b"")
    full = run_cli("reproduce", "--out", tmp_path)
    assert full.code == 1
    assert "is no empty folder" in full.err


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("matrix.json", "matrix/matrix.json"),
        ("study/result.json", "study/report/result.json"),
        ("study-power.json", ""),
        ("attacks.json", ""),
        (f"bias-{LARGEST}.json", "bias.json"),
        (f"memorisation-{LARGEST}.json", "memorisation.json"),
        (f"misuse-{LARGEST}.json", "misuse/misuse.json"),
    ],
)
def test_the_command_that_a_result_names_measures_it_again(
    name: str, made: str, released: Released, tmp_path: Path, run_cli, monkeypatch
) -> None:
    run = tmp_path / "run"
    shutil.copytree(released.out, run)
    monkeypatch.chdir(run)
    kept = json.loads((run / "evidence" / name).read_text("utf-8"))
    words = shlex.split(kept["command"])
    if "TRAINING" in words:
        words[words.index("TRAINING")] = str(released.work / "walking.jsonl")
    if made:
        (run / made).unlink(missing_ok=True)
    done = run_cli(*words[1:], "--quiet")
    assert done.code == 0, done.err
    again = json.loads((run / made).read_text("utf-8") if made else done.out)
    ignored = {"command", "seed", "folder", "provenance", "studies", "words"}
    for key in again.keys() - ignored:
        assert again[key] == kept[key], key
    assert len(again.keys() - ignored) >= 1


def test_no_private_key_is_in_what_is_released(released: Released) -> None:
    secret = released.key.read_bytes()
    files = [path for path in (released.out / "release").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if secret in path.read_bytes()]
    assert not [path for path in files if path.suffix == ".key"]
