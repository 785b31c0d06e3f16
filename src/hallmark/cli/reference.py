"""Write docs/cli.md from the commands themselves: `python -m hallmark.cli.reference FILE`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from hallmark.cli.main import app

WIDTH = 96
HEADER = """\
# Command line

Generated from the program by `scripts/check --fix`; a test compares the two.

Data goes to standard output, notes and errors to standard error. `-` reads standard input.
`NO_COLOR` turns colours off, `HALLMARK_HOME` moves the folder for fetched models, and
`HALLMARK_TRACEBACK=1` shows where an error came from. JSON numbers that have no value are `null`.

Exit codes: 0 done; 1 failed (one line says what is wrong and how to mend it); 2 wrong usage;
74 input or output failed (a full disk, say); 130 interrupted; 141 nobody reads the output any
more; 143 terminated.
"""


def reference() -> str:
    """The help of the program and of every command, as Markdown."""
    program = typer.main.get_command(app)
    whole = program.make_context("hallmark", [], resilient_parsing=True, terminal_width=WIDTH)
    return "\n".join([HEADER, *_sections("hallmark", program, whole)])


def _sections(name: str, command: Any, context: Any) -> Iterator[str]:
    """The command's own section, then those of the commands inside it."""
    yield _section(name, context.get_help())
    for inner in command.list_commands(context) if hasattr(command, "list_commands") else ():
        own = command.get_command(context, inner)
        below = own.make_context(inner, [], parent=context, resilient_parsing=True)
        yield from _sections(f"{name} {inner}", own, below)


def _section(name: str, text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return f"## `{name}`\n\n```text\n{lines}\n```\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
