"""Exit codes, and errors of one line; signals and pipes of the real program."""

from __future__ import annotations

import ast
import inspect
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import typer

from hallmark import __version__
from hallmark.cli import main as main_module
from hallmark.cli.main import CLOSED_PIPE, INTERRUPTED, TERMINATED, app, main

PROGRAM = [sys.executable, "-c", "from hallmark.cli.main import run; run()"]
# The program with `models` replaced by a command that does as a test wants.
STAND_IN = """
import sys, time, typer
from hallmark.cli import main, models as module
def models():
    {body}
module.models = models
main.run()
"""


def stand_in(body: str) -> list[str]:
    return [sys.executable, "-c", STAND_IN.format(body=body), "models"]


def fails_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    def describe(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr("hallmark.cli.models.describe", describe)
    return main(["models"])


def test_the_version_is_printed(run_cli) -> None:
    assert run_cli("--version").out == f"hallmark {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["outputs"], ["train"]])
def test_a_bare_command_shows_its_help(run_cli, arguments: list[str]) -> None:
    result = run_cli(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"Usage: {' '.join(['hallmark', *arguments])} [OPTIONS] COMMAND")
    assert "\nCommands:\n" in result.err


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["wrong"], "hallmark"), (["detect", "--wrong"], "hallmark detect"),
        (["train", "wrong"], "hallmark train"), (["generate"], "hallmark generate"),
    ],
)  # fmt: skip
def test_wrong_usage_names_the_help_to_read(run_cli, arguments: list[str], asked: str) -> None:
    assert run_cli(*arguments).err.endswith(f"see `{asked} --help`\n")


@pytest.mark.parametrize("arguments", [["--wrong"], ["wrong"], ["score"], ["models", "--wrong"]])
def test_wrong_usage_is_one_line_and_two(run_cli, arguments: list[str]) -> None:
    result = run_cli(*arguments)
    assert result.code == 2
    assert result.err.startswith("hallmark: ")
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ValueError("bad value; mend it"), 1, "hallmark: bad value; mend it\n"),
        (ValueError("two\nlines \x1b[31m"), 1, "hallmark: two lines \ufffd[31m\n"),
        (FileNotFoundError(2, "No such file", "x"), 1, "hallmark: x: no such file\n"),
        (OSError(28, "No space left on device"), 74, "hallmark: input or output: no space left"),
        (ConnectionError("cut; run it again"), 74, "hallmark: cut; run it again\n"),
        (MemoryError(), 1, "hallmark: out of memory"),
        (KeyError("x"), 1, "hallmark: KeyError: 'x'; this is a defect"),
    ],
)
def test_an_error_is_one_line(monkeypatch, capsys, error, code: int, message: str) -> None:
    assert fails_with(monkeypatch, error) == code
    err = capsys.readouterr().err
    assert err.startswith(message)
    assert len(err.splitlines()) == 1


def test_a_traceback_is_shown_to_those_who_ask(monkeypatch, capsys) -> None:
    monkeypatch.setenv("HALLMARK_TRACEBACK", "1")
    assert fails_with(monkeypatch, ValueError("x")) == 1
    assert "Traceback" in capsys.readouterr().err


def test_interrupted(monkeypatch, capsys) -> None:
    assert fails_with(monkeypatch, KeyboardInterrupt()) == INTERRUPTED
    assert capsys.readouterr() == ("", "")


def all_commands() -> dict[str, Any]:
    """Every command under its whole name, such as `signals read`."""
    commands: dict[str, Any] = {}
    for name, command in typer.main.get_command(app).commands.items():
        inside = getattr(command, "commands", {"": command})  # a group's, or itself
        commands |= {f"{name} {n}".strip(): c for n, c in inside.items()}
    return commands


@pytest.mark.parametrize("thread", [False, True])
def test_what_is_to_be_done_at_the_end_is_done(thread: bool) -> None:
    """Though a process leaves at once: not before threads, and with what is in its buffers."""
    begin = "import threading; threading.Timer(0.2, print, ['first']).start(); " if thread else ""
    body = f"import atexit; {begin}atexit.register(print, 'last')"
    done = subprocess.run(
        stand_in(body), capture_output=True, text=True, timeout=60, check=False, env=buffered()
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == (["first", "last"] if thread else ["last"])


def buffered() -> dict[str, str]:
    """The environment, without what writes each line at once."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


@pytest.mark.parametrize("end", ["pass", "raise typer.Exit(0)", "raise typer.Exit(1)"])
def test_output_that_a_full_disk_loses_is_said(end: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            stand_in(f"print('x'); {end}"), stdout=full, stderr=subprocess.PIPE, text=True,
            timeout=60, check=False, env=buffered(),
        )  # fmt: skip
    assert done.returncode == 74
    assert done.stderr == "hallmark: input or output: no space left on device\n"


CLOSED = "hallmark: standard output is closed; give it a file or /dev/null\n"


@pytest.mark.parametrize(
    ("arguments", "closed", "code", "said"),
    [
        ("--version", "2>&-", 0, ""), ("models", "2>&-", 0, ""), ("wrong", "2>&-", 2, ""),
        ("models", ">&-", 74, CLOSED), ("--version", ">&-", 74, CLOSED),
        ("models", ">&- 2>&-", 74, ""),
    ],
)  # fmt: skip
def test_closed_streams(arguments: str, closed: str, code: int, said: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *PROGRAM, arguments], capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (code, said)
    assert (done.stdout != "") == (code == 0)


def test_nobody_reads_a_table() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*PROGRAM, "models"], stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(writer)
    assert done.returncode == CLOSED_PIPE


LOADING = """import os, types
    torch = sys.modules["torch"] = types.ModuleType("torch")
    torch.__spec__ = types.SimpleNamespace(_initializing={loading})
    try:
        os.kill(os.getpid(), {number})
        time.sleep(10)
    except BaseException:
        if not {loading}:
            raise
    print("went on")
"""


@pytest.mark.parametrize("loading", [True, False])
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, TERMINATED), (signal.SIGINT, INTERRUPTED)]
)
def test_a_library_that_is_being_loaded_swallows_no_signal(
    loading: bool, number: int, code: int
) -> None:
    done = subprocess.run(
        stand_in(LOADING.format(loading=loading, number=int(number))), capture_output=True,
        text=True, timeout=60, check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def test_a_module_that_cannot_be_imported_is_said_in_one_line(monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "hallmark.cli.models", None)
    assert main(["models"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_every_command_has_json_and_quiet() -> None:
    commands = all_commands()
    assert {"detect", "study plan", "signals read"} <= commands.keys()
    for name, command in commands.items():
        options = {option for param in command.params for option in param.opts}
        assert {"--json", "--quiet"} <= options, name


def test_command_bodies_are_short() -> None:
    for command in all_commands().values():
        callback = inspect.unwrap(command.callback)
        if "<locals>" in callback.__qualname__:  # made by `options_of`
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(callback))).body
        body = [s for s in tree.body if not isinstance(s, ast.Expr) or s is not tree.body[0]]
        lines = body[-1].end_lineno - body[0].lineno + 1
        assert lines <= 15, f"{tree.name} has {lines} lines"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, TERMINATED), (signal.SIGINT, INTERRUPTED)]
)
def test_a_signal_ends_the_program_in_silence(number: int, code: int) -> None:
    process = subprocess.Popen(
        stand_in("print('ready', flush=True); time.sleep(60)"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell starts what it puts in the background with interrupts ignored.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert (process.wait(60), process.stderr.read()) == (code, b"")


def test_a_closed_pipe_is_silent() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            stand_in("print('x' * 100_000)"), stdout=pipe, stderr=subprocess.PIPE, timeout=60
        )
    assert (done.returncode, done.stderr) == (CLOSED_PIPE, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_io_error() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*PROGRAM, "models"], stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == main_module.IO_ERROR
    assert done.stderr.splitlines()[-1] == b"hallmark: input or output: no space left on device"


def test_output_is_utf8_whatever_the_locale() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    done = subprocess.run(
        stand_in(r"print('na\u00efve \ud800')"), stdout=subprocess.PIPE, env=environment, timeout=60
    )
    assert done.stdout == "naïve \\ud800\n".encode()


def test_no_color_is_honoured(run_cli, monkeypatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run_cli("models").out


def test_json_is_one_line(run_cli) -> None:
    assert len(json.loads(run_cli("models", "--json").out)["models"]) == 8
