"""Write docs/cli.md from the commands themselves: `python -m hallmark.cli.reference FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

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
    sections = [_section("hallmark", whole.get_help())]
    for name in program.list_commands(whole):  # type: ignore[attr-defined]
        command = program.get_command(whole, name)  # type: ignore[attr-defined]
        context = command.make_context(name, [], parent=whole, resilient_parsing=True)
        sections.append(_section(f"hallmark {name}", context.get_help()))
    return "\n".join([HEADER, *sections])


def _section(name: str, text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return f"## `{name}`\n\n```text\n{lines}\n```\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
