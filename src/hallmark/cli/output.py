"""What a command prints: data on standard output, notes and progress on standard error.

Colours, tables and bars are rich's, loaded when they are needed; rich honours NO_COLOR and
leaves colours out where the output is no terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hallmark.data import finite

if TYPE_CHECKING:
    from rich.console import Console

_CONTROLS = {
    c: "\N{REPLACEMENT CHARACTER}" for c in (*range(32), *range(127, 160)) if chr(c) not in "\n\t"
}
SAY_AFTER = 30  # seconds: off a terminal, work that goes on is said this often
Advance = Callable[[int], None]
FileProgress = Callable[[str, int, int], None]


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on one line, at once. NaN and infinity have no place in JSON: null."""
    try:
        line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        line = json.dumps(finite(value), ensure_ascii=False, allow_nan=False)
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def note(message: str, *, quiet: bool) -> None:
    """A remark for people, on standard error."""
    if not quiet:
        sys.stderr.write(f"{printable(message)}\n")


def printable(text: str) -> str:
    """`text` without the control characters that could steer a terminal (not tab and newline)."""
    return text.translate(_CONTROLS)


def on_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def console() -> Console:
    """A console on standard output that adds nothing to what it is told to print."""
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich would leave with 1; `main` knows better

    return Plain(highlight=False, markup=False, emoji=False, soft_wrap=True)


def error_console(*, soft_wrap: bool = False) -> Console:
    """The same on standard error, for bars."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, soft_wrap=soft_wrap)


@contextmanager
def progress(what: str, *, quiet: bool) -> Iterator[Advance]:
    """Count things on standard error while somebody watches it and results go elsewhere.

    The value is called with the number of things done since the last call.
    """
    if quiet or not sys.stderr.isatty() or on_terminal():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    count = TextColumn("{task.completed:.0f} {task.description}")
    with Progress(SpinnerColumn(), count, TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done: bar.advance(task, done)


@contextmanager
def file_progress(*, quiet: bool) -> Iterator[FileProgress | None]:
    """A bar for each file on standard error; called with (file, bytes so far, bytes in all)."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=Console(stderr=True)) as bar:

        def show(file: str, done: int, total: int) -> None:
            if file not in tasks:
                tasks[file] = bar.add_task(file)
            bar.update(tasks[file], completed=done, total=total)

        yield show
