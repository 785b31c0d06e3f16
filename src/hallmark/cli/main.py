"""The `hallmark` program: its commands, and the one place where errors become exit codes.

0 done, 1 failed, 2 wrong usage, 74 input or output failed, 130 interrupted, 141 nobody reads the
output, 143 terminated. An error is one line on standard error that says how to mend it.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer

from hallmark import __version__
from hallmark.cli.output import printable

FAILED, USAGE, IO_ERROR, INTERRUPTED, CLOSED_PIPE, TERMINATED = 1, 2, 74, 130, 141, 143
# The file that the user named is wrong; anything else that the system refuses is an I/O error.
_WRONG_FILE = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)

COMMANDS = (
    "demo", "serve", "generate", "score", "detect", "matrix", "attack", "calibrate", "fairness",
    "misuse", "eval-lm", "reproduce", "models", "get", "export", "doctor",
    "outputs", "detector", "train", "probe", "study", "signals", "corpus", "cases", "release",
    "provenance",
)  # fmt: skip
_MODULES = {"get": "models", "eval-lm": "eval_lm"}  # where it is not the command's own name


class _Commands(Mapping[str, Any]):
    """The commands by name; a command's module is imported when it is asked for.

    Half of the command line's start went into modules of commands that nobody had asked for.
    """

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        module = import_module(f"hallmark.cli.{_MODULES.get(name, name)}")
        found = getattr(module, name.replace("-", "_"))
        if isinstance(found, typer.Typer):
            return typer.main.get_group(found)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name)(found)
        return typer.main.get_command(alone)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Program(typer.core.TyperGroup):
    """`hallmark` itself, a group whose commands are `COMMANDS`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Commands()  # type: ignore[assignment]  # nobody adds a command to it


app = typer.Typer(
    name="hallmark",
    cls=Program,
    help="Generate, score and detect GPT-2-like text, with an honest error rate.",
    epilog="`hallmark COMMAND --help` says more. Start with `hallmark demo`.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"hallmark {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Generate, score and detect GPT-2-like text, with an honest error rate."""


class Terminated(BaseException):
    """The process was asked to end (SIGTERM)."""


def run() -> NoReturn:
    """Entry point of the `hallmark` program."""

    signal.signal(signal.SIGTERM, _end)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored
        signal.signal(signal.SIGINT, _end)
    if "OMP_WAIT_POLICY" not in os.environ:
        # Read when PyTorch is loaded: GNU's OpenMP spins for milliseconds where it waits, and
        # beside other work that took ten times the processor time and three times as long.
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    _open_streams()
    # Loading PyTorch makes very many objects that stay, and looking through them after every 700
    # takes a tenth of its time.
    gc.set_threshold(10_000)
    _leave(main(sys.argv[1:]))


def _open_streams() -> None:
    """UTF-8 whatever the locale; a closed standard output ends the process, where all is lost."""
    if sys.stderr is None:  # closed: notes go nowhere
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        sys.stderr.write("hallmark: standard output is closed; give it a file or /dev/null\n")
        os._exit(IO_ERROR)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]


def _end(number: int, frame: object) -> NoReturn:
    """What SIGTERM and Ctrl-C do: an exception, for work to be left in order.

    While NumPy or PyTorch is loaded the process leaves at once: their imports now and then swallow
    an exception, or make another one of it, and nothing has been begun.
    """
    if any(_is_loading(sys.modules.get(name)) for name in ("numpy", "torch")):
        os._exit(TERMINATED if number == signal.SIGTERM else INTERRUPTED)
    if number == signal.SIGTERM:
        raise Terminated
    raise KeyboardInterrupt


def _is_loading(module: object) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _leave(code: int) -> NoReturn:
    """End the process: at once, without taking PyTorch's modules apart, which takes .3 s.

    Where other threads still run Python waits for them first. One of several processes does not:
    threads of gloo that run while Python is taken down now and then abort a process whose work is
    done (PyTorch 2.13).
    """
    others = [t for t in threading.enumerate() if t is not threading.main_thread()]
    if any(not t.daemon for t in others) and os.environ.get("WORLD_SIZE", "1") == "1":
        sys.exit(code)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def main(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code; what went wrong is one line on standard error."""
    command = typer.main.get_command(app)
    try:
        try:
            with command.make_context("hallmark", list(arguments)) as context:
                command.invoke(context)
        finally:  # also before an exit code of the command's own: what is lost here must be said
            sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return CLOSED_PIPE
    except (typer.Exit, typer.Abort) as stop:
        return stop.exit_code if isinstance(stop, typer.Exit) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Terminated:
        return TERMINATED
    except Exception as error:
        return _report(error, asked=_asked(command, arguments))
    return 0


def _asked(command: Any, arguments: Sequence[str]) -> str:
    """The command that the arguments name, such as `hallmark train prepare`."""
    names = ["hallmark"]
    for argument in arguments:
        try:
            command = getattr(command, "commands", {}).get(argument)
        except ImportError:  # that is the error which is about to be said
            command = None
        if command is None:
            break
        names.append(argument)
    return " ".join(names)


def _report(error: Exception, *, asked: str) -> int:
    """Say in one line what is wrong, or show the help that a bare command asks for; exit code."""
    if os.environ.get("HALLMARK_TRACEBACK"):
        sys.excepthook(type(error), error, error.__traceback__)
    message = _help(error) or f"hallmark: {' '.join(printable(_message(error, asked)).split())}"
    with suppress(OSError):
        sys.stderr.write(f"{message}\n")
    if isinstance(error, typer.TyperException):
        return error.exit_code
    if isinstance(error, OSError) and not isinstance(error, _WRONG_FILE):
        _drop_output()
        return IO_ERROR
    return FAILED


def _help(error: Exception) -> str:
    """The help where that is all the error is (a command that needs arguments had none)."""
    context = getattr(error, "ctx", None)
    whole: str = context.get_help() if context else ""
    return whole if whole and str(error) == whole else ""


def _message(error: Exception, asked: str) -> str:
    if isinstance(error, typer.TyperException):
        return f"{error.format_message().rstrip('.')}; see `{asked} --help`"
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror[:1].lower() + error.strerror[1:]
        return f"{error.filename or 'input or output'}: {reason}"
    if isinstance(error, MemoryError):
        return "out of memory; use a smaller model or a shorter text"
    if isinstance(error, ValueError | OSError | FloatingPointError):
        return str(error)
    return (
        f"{type(error).__name__}: {error}; this is a defect: please report it with what "
        "HALLMARK_TRACEBACK=1 shows"
    )


def _drop_output() -> None:
    """Nobody reads or keeps what is still in the buffer: let it go without a complaint."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
