"""What every test may ask for: an empty home, a tiny model on disk, and the program itself."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as the program sets it, before PyTorch is loaded
if "PYTEST_XDIST_WORKER" in os.environ:  # the cores are shared among the workers
    os.environ.setdefault("OMP_NUM_THREADS", "1")


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
def own_loggers() -> Iterator[None]:
    """What a command tells its loggers ends with the test, as the captured stream does."""
    loggers = [logging.getLogger(name) for name in ("hallmark.web", "uvicorn.error")]
    before = [(logger.handlers, logger.propagate, logger.level) for logger in loggers]
    yield
    for logger, (handlers, propagate, level) in zip(loggers, before, strict=True):
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.fixture
def run_cli(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, own_loggers: None
) -> RunCli:
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


@pytest.fixture
def one_thread() -> Iterator[None]:
    """PyTorch on one thread: small networks are fastest so, and exact in the same way each time."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def two_threads() -> Iterator[None]:
    """PyTorch on two threads, also where each of several workers would use one."""
    from hallmark.lm.device import limit_threads

    with limit_threads(2):
        yield


@pytest.fixture(scope="session")
def fingerprint() -> Callable[[Path], tuple[str, bytes]]:
    """Of a training run's folder: a hash of its newest weights and optimiser, and its log."""

    def take(folder: Path) -> tuple[str, bytes]:
        newest = max((folder / "checkpoints").glob("step-*"))
        files = (newest / "model.safetensors", newest / "optimiser.safetensors")
        weights = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
        return newest.name + weights, (folder / "log.jsonl").read_bytes()

    return take


@pytest.fixture(scope="session")
def run_until() -> Callable[..., None]:
    """Runs a command to its end, or kills it once it has printed `kill_after` lines."""

    def run(command: Sequence[str], *, kill_after: int | None = None) -> None:
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        ) as process:  # fmt: skip
            if kill_after is not None:
                assert process.stdout is not None
                for _ in range(kill_after):
                    process.stdout.readline()
                os.killpg(process.pid, signal.SIGKILL)
            _, errors = process.communicate()
        assert process.returncode == (0 if kill_after is None else -signal.SIGKILL), errors

    return run


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A PostgreSQL server for this run: `new()` gives the address of an empty database."""
    path = Path(__file__).parent.parent / "benchmarks" / "postgres.py"
    spec = importlib.util.spec_from_file_location("hallmark_benchmarks_postgres", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if module.programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with module.server(settings=["fsync=off", "full_page_writes=off"]) as server:
        yield server


@pytest.fixture
def sqlite_address() -> Iterator[str]:
    """Of a file that is not there yet; in memory where that is a folder, as disks are slow."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield str(Path(folder) / "hallmark.db")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_address(request: pytest.FixtureRequest) -> str:
    """Of an empty database, once of each kind."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_address"))
    return str(request.getfixturevalue("postgres").new())


@pytest.fixture
def small_study(tmp_path: Path) -> tuple[Any, Any]:
    """A study file of two models and people with every kind of question, and its plan of 6 places
    of 3 texts and an attention check. One text of a model would be HTML if it were not escaped.
    """
    import json
    import tomllib
    from dataclasses import replace

    from hallmark.study.definition import BOUNDARY, Design, Scale, parse_study
    from hallmark.study.plan import make_plan
    from hallmark.study.template import study_file

    for number, name in enumerate(("small", "large", "people")):
        with (tmp_path / f"{name}.jsonl").open("w") as file:
            for i in range(5):
                body = (
                    f"Story {number}-{i} is <b>told</b> & read. " + "One more sentence here. " * 4
                )
                file.write(json.dumps({"text": body.strip()}) + "\n")
    files = {name: f"{name}.jsonl" for name in ("small", "large", "people")}
    study = parse_study(tomllib.loads(study_file(files, human=["people"])))
    overall = Scale("overall", "How good is the text overall?", high=7)
    where = Scale("where", "From which sentence on did a machine write?", kind=BOUNDARY)
    design = Design(texts_per_condition=3, ratings_per_text=2, texts_per_rater=3, min_words=10)
    study = replace(study, scales=(*study.scales, overall, where), design=design)
    return study, make_plan(study, tmp_path)
