"""`hallmark train`: text in, a folder of weights out, one line where something is wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from .conftest import FAST


def test_from_text_to_a_tuned_model(run_cli, texts: Path, tiny_model: Path, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "run"
    prepare = ("train", "prepare", texts, "--out", data, "--tokenizer", tiny_model)
    done = run_cli(*prepare, "--valid", "0.3", "--no-near", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["documents_read"] == 60
    tune = ("train", "finetune", data, "--out", out, "--model", tiny_model, *FAST)
    done = run_cli(*tune, "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert result["steps"] == 4
    assert f"loaded {tiny_model}" in done.err
    assert "step 0/4: held-out loss" in done.err
    assert "before the first step" in done.err
    weights = (out / "model" / "model.safetensors").read_bytes()
    assert run_cli(*tune, "--quiet").err == ""  # there is nothing left to do
    assert (out / "model" / "model.safetensors").read_bytes() == weights
    assert run_cli("generate", "the", "--model", out / "model", "--max-tokens", "3").code == 0
    done = run_cli("train", "plot", out, "--out", tmp_path / "curves.png")
    assert (done.code, done.out) == (0, f"{tmp_path / 'curves.png'}\n")
    done = run_cli("train", "export", out, "--out", tmp_path / "other", "--step", "4", "--json")
    assert json.loads(done.out) == {"folder": str(tmp_path / "other"), "step": 4}


def test_text_is_prepared_on_the_way(
    run_cli, texts: Path, tiny_model: Path, tmp_path: Path
) -> None:
    tune = (
        "train", "finetune", "-", "--out", tmp_path / "run", "--model", tiny_model,
        "--lora", "2", *FAST,
    )  # fmt: skip
    done = run_cli(*tune, stdin=texts.read_bytes())
    assert done.code == 0, done.err
    assert done.out == f"{tmp_path / 'run' / 'model'}\n"
    assert "near duplicates of 60 documents" in done.err
    again = run_cli(*tune, stdin=b"")
    assert again.code == 0
    assert "which an earlier start made of the text" in again.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("prepare", "missing.txt"), "missing.txt is not there"),
        (("finetune", "missing.txt"), "missing.txt is not there"),
        (("finetune", "{texts}", "--lr", "-1"), "lr must be more than 0, not -1.0"),
        (("finetune", "{texts}", "--model", "17B"), "no model is called '17B'"),
        (("finetune", "{texts}", "--sequence-length", "99"), "context of 64"),
        (("finetune", "{texts}", "--parallel", "fsdp"), "start with torchrun"),
        (("finetune", "{texts}", "--parallel", "dpp"), "parallel must be one of auto, ddp, fsdp"),
        (("finetune", "{texts}", "--device", "cuda:99"), "device 'cuda:99' cannot be used"),
        (("finetune", "{texts}", "--device", "nonsense"), "device 'nonsense' cannot be used"),
        (("pretrain", "{texts}", "--size", "nano"), "no model is called 'nano'"),
        (("finetune", "{one}"), "held one document"),
        (("prepare", "{empty}"), "held no text"),
    ],
)
def test_what_is_wrong_is_one_line(
    arguments: tuple[str, ...],
    message: str,
    run_cli,
    texts: Path,
    tiny_model: Path,
    tmp_path: Path,
) -> None:
    files = {"texts": texts, "one": tmp_path / "one.txt", "empty": tmp_path / "empty.txt"}
    files["one"].write_text("the text")
    files["empty"].write_text("\n")
    model = () if {"--model", "--size", "prepare"} & set(arguments) else ("--model", tiny_model)
    filled = [a.format(**files) for a in arguments]
    done = run_cli("train", *filled, "--out", tmp_path / "run", *model)
    assert done.code == 1
    assert message in done.err.splitlines()[-1]
    assert "Traceback" not in done.err


def test_a_loss_at_nan_is_one_line(
    run_cli, texts: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hallmark.lm.training import loop

    real = loop.gradients
    monkeypatch.setattr(loop, "gradients", lambda *a, **k: real(*a, **k) * float("nan"))
    tune = ("train", "finetune", texts, "--out", tmp_path / "run", "--model", tiny_model, *FAST)
    done = run_cli(*tune)
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith("hallmark: loss is nan")


def test_a_full_disk_is_exit_code_74(
    run_cli, texts: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from hallmark.lm.training import checkpoint

    def full(path: Path, tensors: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(checkpoint, "write_safetensors", full)
    tune = ("train", "finetune", texts, "--out", tmp_path / "run", "--model", tiny_model, *FAST)
    done = run_cli(*tune)
    assert done.code == 74
    assert done.err.splitlines()[-1].endswith("no space left on device")


def test_defaults_are_those_of_the_settings(run_cli) -> None:
    done = run_cli("train", "finetune", "--help")
    assert "--lr" in done.out
    assert "0.0001" in done.out
    assert "0.0006" in run_cli("train", "pretrain", "--help").out


def test_other_text_than_the_run_began_with_is_refused(
    run_cli, texts: Path, tiny_model: Path, tmp_path: Path
) -> None:
    def start(data: Path) -> str:
        return run_cli(
            "train", "finetune", data, "--model", tiny_model, "--out", tmp_path / "run", *FAST
        ).err

    start(texts)
    other = tmp_path / "other.jsonl"
    assert "is not there" in start(other)
    other.write_bytes(texts.read_bytes())
    assert "was made of other text" in start(other)
    os.utime(texts, (2**32, 2**32))
    assert "has changed since" in start(texts)


def test_export_never_writes_over_a_folder(run_cli, tmp_path: Path) -> None:
    outcome = run_cli("train", "export", tmp_path, "--out", tmp_path)
    assert outcome.code == 1
    assert "exists; give a folder that does not" in outcome.err
