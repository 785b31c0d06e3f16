"""What every test may ask for: an empty home, a tiny model on disk, and the program itself."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Outcome:
    """What one run of the program left behind."""

    code: int
    out: str
    err: str


RunCli = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def empty_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the home of whoever runs it."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HALLMARK_HOME", str(home / "hallmark"))
    for name in ("XDG_DATA_HOME", "HF_ENDPOINT", "HALLMARK_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    return home / "hallmark"


@pytest.fixture
def run_cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> RunCli:
    """Run `hallmark ARGUMENTS` in this process, with `stdin` as standard input."""

    def run(*arguments: object, stdin: bytes = b"") -> Outcome:
        from hallmark.cli.main import main

        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in Hallmark's own format with a random network of two tiny layers."""
    import torch

    from hallmark.models.checkpoint import save_quantised
    from hallmark.models.gpt2 import GPT2
    from hallmark.models.sizes import GPT2Config
    from hallmark.models.tokenizer import Tokenizer

    tokenizer = Tokenizer([(b"t", b"h"), (b"th", b"e"), (b" ", b"the")])
    config = GPT2Config(n_layer=2, n_head=2, n_embd=16, n_ctx=64, vocab_size=tokenizer.n_vocab)
    network = GPT2(config)
    network.initialise(torch.Generator().manual_seed(0))
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_quantised(folder, network.eval(), tokenizer)
    return folder
