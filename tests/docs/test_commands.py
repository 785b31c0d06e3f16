"""Every command in the README and the documentation can be given, and is run by some test.

Nothing is executed here: commands go through the program's own parser, scripts are looked at.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from hallmark.cli.main import app

from .elsewhere import ELSEWHERE, SMALLER, WHOLE_PAGES, found_in
from .inputs import INPUTS
from .lines import ALL, PAGES, ROOT, Command, mentions

HALLMARK = [command for command in ALL if "hallmark" in command.words]
MENTIONED = [m for page in (*PAGES, ROOT / "benchmarks" / "RESULTS.md") for m in mentions(page)]
_SCRIPT = re.compile(r"(?:python )?((?:recipes|benchmarks|scripts)/\w+(?:\.\w+)?)((?: [^`\n]+)?)")


def name_of(command: Command) -> str:
    return f"{command.page}: {' '.join(command.text.split())[:60]}"


@cache
def program() -> Any:
    return typer.main.get_command(app)


def resolve(words: list[str]) -> tuple[Any, str, list[str]]:
    """The command that the words name, its name, and what is left of them; KeyError for none."""
    command, name, rest = program(), "hallmark", words
    while getattr(command, "commands", None) and rest and not rest[0].startswith("-"):
        name, command, rest = rest[0], command.commands[rest[0]], rest[1:]
    return command, name, rest


@pytest.mark.parametrize("command", HALLMARK, ids=name_of)
def test_a_command_parses(command: Command) -> None:
    """Its name, each option, the values' types and the number of arguments, but not the call."""
    words = command.words
    parsed, name, rest = resolve(words[words.index("hallmark") + 1 :])
    try:
        parsed.make_context(name, list(rest))
    except typer.Exit:
        assert "--help" in rest, command.text
    except typer.TyperException as error:
        pytest.fail(f"{command.page}: {command.text}: {error.format_message()}")


@pytest.mark.parametrize("page", sorted({m.page for m in MENTIONED}))
def test_a_command_within_a_sentence_exists_with_its_options(page: str) -> None:
    for command in (m for m in MENTIONED if m.page == page):
        parsed, _, rest = resolve(command.words[1:])
        known = {opt for param in parsed.params for opt in param.opts} | {"--help"}
        given = {word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"}
        assert given <= known, command.text
        if getattr(parsed, "commands", None):
            assert not [word for word in rest if not word.startswith("-")], command.text


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "benchmarks" / "RESULTS.md"], ids=lambda page: page.name
)
def test_a_script_is_there_and_knows_its_options(page: Path) -> None:
    for script, rest in _SCRIPT.findall(page.read_text("utf-8")):
        path = ROOT / script
        assert path.is_file(), f"{page.name} names {script}"
        if path.suffix != ".py":
            assert path.suffix or path.stat().st_mode & 0o111, f"{script} cannot be run"
            continue
        given = set(re.findall(r"(?<=\s)--[\w-]+", rest.partition("|")[0]))
        assert given <= options_of(path), f"{page.name}: {script}{rest}"


@cache
def options_of(path: Path) -> frozenset[str]:
    """What the script's `add_argument` calls name; no process is started for it."""
    found = {"--help"}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:  # a script beside it may add some
            beside = path.with_name(f"{node.module}.py")
            found |= options_of(beside) if beside.is_file() else set()
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument":
            found |= {a.value for a in node.args if isinstance(a, ast.Constant)}
    return frozenset(found)


def test_each_command_is_run_by_a_test_or_says_why_not() -> None:
    for command in ALL:
        covers = [
            command.page in INPUTS,
            command.page in WHOLE_PAGES and command.mark == "sh",
            found_in(ELSEWHERE, command) is not None,
        ]
        assert any(covers), f"{command.page}: nobody runs: {command.text}"


def test_what_is_said_of_commands_is_of_commands_that_there_are() -> None:
    for table in (ELSEWHERE, SMALLER):
        for page, start in table:
            found = [c for c in ALL if c.page == page and c.text.startswith(start)]
            assert found, f"{page} has no command {start!r} any more; take it out of the table"
    for file in (*WHOLE_PAGES.values(), *(e.test for e in ELSEWHERE.values() if e.test)):
        assert (ROOT / file).is_file(), file
    assert not set(INPUTS) & set(WHOLE_PAGES)
    assert not {page for page, _ in SMALLER} - set(INPUTS)
