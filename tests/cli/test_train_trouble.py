"""`hallmark train` where something is odd: what a newcomer ran into, each said in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from filelock import FileLock

from .conftest import FAST


@pytest.fixture
def tune(run_cli, texts: Path, tiny_model: Path, tmp_path: Path):
    """Fine-tune in `run` with other arguments at the end."""

    def start(*more: object, data: Path = texts):
        given = () if "--model" in more else ("--model", tiny_model)
        out = tmp_path / "run"
        return run_cli("train", "finetune", data, "--out", out, *given, *FAST, *more)

    return start


def test_a_run_says_where_it_ended(tune, tmp_path: Path) -> None:
    last = tune().err.splitlines()[-1]
    assert last.startswith("hallmark: finished at step 4, held-out from ")
    assert last.endswith(f"bits per byte, the model is in {tmp_path / 'run' / 'model'}")
    assert "warning" not in last


def test_a_run_that_became_worse_is_warned_of(tune, tmp_path: Path) -> None:
    done = tune("--lr", "3")
    assert done.code == 0, done.err
    (warning,) = [line for line in done.err.splitlines() if "warning" in line]
    assert warning.startswith("hallmark: warning: held-out loss rose from ")
    assert warning.endswith("; lower --lr")
    card = (tmp_path / "run" / "model" / "README.md").read_text()
    assert "Held-out loss rose from " in card


def test_two_at_once_are_refused(tune, run_cli, texts, tiny_model, tmp_path: Path) -> None:
    assert tune().code == 0
    with FileLock(tmp_path / "run" / ".lock"):
        done = tune()
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        f"hallmark: another run is at work in {tmp_path / 'run'}; wait for it, or give another "
        "--out"
    )
    assert tune().code == 0
    (tmp_path / "data").mkdir()
    with FileLock(tmp_path / "data" / ".lock"):
        done = run_cli(
            "train", "prepare", texts, "--out", tmp_path / "data", "--tokenizer", tiny_model
        )
    assert done.code == 1
    assert "another run is at work in" in done.err


def stop(monkeypatch: pytest.MonkeyPatch, *, at: int) -> None:
    from hallmark.lm.training import loop

    real = loop._Run.step

    def step(self, number: int) -> None:
        if number == at:
            raise KeyboardInterrupt
        real(self, number)

    monkeypatch.setattr(loop._Run, "step", step)


def test_stopped_says_what_is_saved(tune, monkeypatch: pytest.MonkeyPatch) -> None:
    stop(monkeypatch, at=1)
    done = tune()
    assert done.code == 130
    assert done.err.splitlines()[-1] == (
        "hallmark: stopped; nothing is saved yet, the same command begins anew "
        "(it saves every 2 steps: --save-every)"
    )
    monkeypatch.undo()
    stop(monkeypatch, at=3)
    assert tune().err.splitlines()[-1] == (
        "hallmark: stopped; step 2 is saved, the same command goes on"
    )
    monkeypatch.undo()
    assert tune("--quiet").err == ""


def test_other_settings_before_the_first_checkpoint_are_said(
    tune, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop(monkeypatch, at=1)
    tune()
    assert "nothing was saved yet" not in tune().err
    monkeypatch.undo()
    done = tune("--lr", "0.02")
    assert (
        "hallmark: nothing was saved yet: begins anew with the new settings "
        "(lr: 0.01 there, 0.02 here)"
    ) in done.err.splitlines()


def test_a_refusal_names_all_settings_and_how_to_train_longer(tune, tmp_path: Path) -> None:
    tune()
    run = tmp_path / "run"
    done = tune("--steps", "8", "--lr", "0.02", "--seed", "3", "--clip", "2", "--min-lr", "0.2")
    assert done.code == 1
    last = done.err.splitlines()[-1]
    for name in ("steps: 4 there, 8 here", "lr: ", "seed: ", "clip: ", "min_lr: "):
        assert name in last
    assert f"to train its model longer: --model {run / 'model'} --out NEW" in last


def test_a_run_is_no_model_but_holds_one(tune, run_cli, tmp_path: Path) -> None:
    tune()
    run = tmp_path / "run"
    done = run_cli("generate", "the", "--model", run)
    assert done.code == 1
    assert done.err == f"hallmark: {run} is a training run; its model is in {run / 'model'}\n"


def test_another_key_is_named_in_a_way_that_works(tune, tmp_path: Path, texts: Path) -> None:
    body = tmp_path / "body.jsonl"
    body.write_text(texts.read_text().replace('"text"', '"body"'))
    done = tune(data=body)
    assert done.code == 1
    last = done.err.splitlines()[-1]
    assert '"text" of record 1' in last
    assert "it has body" in last
    assert last.endswith("`hallmark train prepare FILE --field KEY --out data`, then train on data")


def test_lora_without_peft_is_said_before_anything_is_prepared(
    tune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "peft", None)
    done = tune("--lora", "2")
    assert done.code == 1
    assert "LoRA needs peft" in done.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("inside", [".", "run"])
def test_a_run_is_never_begun_among_the_text_it_reads(
    inside: str, run_cli, texts: Path, tiny_model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    texts.rename(folder / "a.jsonl")
    done = run_cli(
        "train", "finetune", folder, "--out", folder / inside, "--model", tiny_model, *FAST
    )
    assert done.code == 1
    assert done.err == (
        f"hallmark: {folder / inside} lies in {folder}, all of which is read; give an --out "
        "outside it\n"
    )
    assert [path.name for path in folder.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize("out", ["corpus", "full"])
def test_text_is_never_prepared_among_other_files(
    out: str, run_cli, texts: Path, tiny_model: Path, tmp_path: Path
) -> None:
    corpus, full = tmp_path / "corpus", tmp_path / "full"
    for folder in (corpus, full):
        folder.mkdir()
    (corpus / "a.jsonl").write_bytes(texts.read_bytes())
    (full / "notes.md").write_text("mine")
    before = sorted((tmp_path / out).iterdir())
    done = run_cli("train", "prepare", corpus, "--out", tmp_path / out, "--tokenizer", tiny_model)
    assert done.code == 1
    reason = "is among the text to read" if out == "corpus" else "holds other files (notes.md)"
    assert done.err == f"hallmark: {tmp_path / out} {reason}; give --out a new folder\n"
    assert sorted((tmp_path / out).iterdir()) == before


def test_stopped_while_text_is_prepared(tune, monkeypatch: pytest.MonkeyPatch) -> None:
    from hallmark.lm.corpus import prepare

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare._Run, "write", stopped)
    done = tune()
    assert done.code == 130
    assert done.err.splitlines()[-1] == (
        "hallmark: stopped before all text was prepared; nothing is lost, the same command begins "
        "anew"
    )
    monkeypatch.undo()
    assert tune().code == 0


def test_rows_that_fit_a_short_text_are_named(tune, tmp_path: Path) -> None:
    short = tmp_path / "short.jsonl"
    short.write_text("\n".join(json.dumps({"text": f"the {i} end"}) for i in range(9)))
    done = tune("--sequence-length", "64", data=short)
    assert done.code == 1
    advice = done.err.splitlines()[-1]
    assert "fewer than one row of 65; give more text or --sequence-length " in advice
    assert tune("--sequence-length", advice.rpartition(" ")[2], data=short).code == 0


def test_a_step_longer_than_the_text_is_said(tune) -> None:
    done = tune(
        "--batch-size", "40", "--sequence-length", "64", "--steps", "1", "--valid-rows", "1"
    )
    assert done.code == 0, done.err
    (said,) = [line for line in done.err.splitlines() if "a step takes 40" in line]
    assert said.endswith(
        "so every step reads text again; --sequence-length 32 gives each row its own"
    )


def test_a_run_refused_for_its_shape_leaves_no_folder(
    run_cli, texts: Path, tiny_model: Path, tmp_path: Path
) -> None:
    data, out = tmp_path / "data", tmp_path / "refused"
    run_cli("train", "prepare", texts, "--out", data, "--tokenizer", tiny_model)
    done = run_cli(
        "train", "finetune", data, "--model", tiny_model, "--out", out, "--sequence-length", "99"
    )
    assert done.code == 1
    assert "context of 64" in done.err
    assert not out.exists()
