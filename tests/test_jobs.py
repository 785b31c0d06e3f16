"""Every command on the quickstart and the pages for each job does what the page says.

Blocks marked `sh` are run in order in an empty folder: `hallmark` in this process, all else by a
shell. A block marked `text` after one is what it prints, `...` standing for anything. Blocks marked
`console` cannot run here in seconds; another test runs each of them.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs" / "quickstart.md", *sorted((ROOT / "docs" / "jobs").glob("*.md"))]
ELSEWHERE = {
    "pip install": "scripts/environment.sh",
    "hallmark demo": "tests/cli/test_demo.py",
    "hallmark study": "tests/cli/test_fieldwork.py",
    "hallmark reproduce": "tests/release/pipeline/test_reproduce.py",
    "hallmark signals": "tests/cli/test_signals.py",
    "hallmark cases serve": "tests/cli/test_cases.py",
    "hallmark export 1.5B": "tests/cli/test_export.py",
    "hallmark generate": "tests/cli/test_generate.py",
}


def blocks(page: Path) -> list[tuple[str, str]]:
    """(mark, text) of each fenced block."""
    return re.findall(r"^```(\w+)\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def steps(block: str) -> Iterator[str]:
    """Commands, each with its continued lines and its text up to END."""
    lines = iter(block.splitlines())
    for line in lines:
        while line.endswith("\\"):
            line = line[:-1] + next(lines)
        if "<<'END'" in line:
            line = "\n".join([line, *iter(lambda: next(lines), "END"), "END"])
        yield line


class Shell:
    """Runs commands in the current folder and keeps what they print."""

    def __init__(self, run_cli) -> None:
        self.run_cli = run_cli

    def __call__(self, step: str) -> str:
        if not step.startswith("hallmark "):
            done = subprocess.run(
                ["sh", "-eu", "-c", step], capture_output=True, text=True, check=True
            )
            return done.stdout
        step, _, otherwise = step.partition(" || ")
        words = shlex.split(step, comments=True)[1:]
        given, target = b"", None
        for sign in ("<", ">"):
            if sign in words:
                at = words.index(sign)
                if sign == "<":
                    given = Path(words[at + 1]).read_bytes()
                else:
                    target = Path(words[at + 1])
                del words[at : at + 2]
        done = self.run_cli(*words, stdin=given)
        assert done.code == 0 or otherwise == 'echo "exit code $?"', f"{step}\n{done.err}"
        if target is not None:
            target.write_text(done.out, encoding="utf-8")
            return done.err
        return done.out + done.err + (f"exit code {done.code}\n" if done.code else "")


def fits(printed: str, expected: str) -> bool:
    """Whether what was printed is as the page has it."""
    pattern = ".*".join(map(re.escape, expected.strip().split("...")))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(
    page: Path, run_cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shell, printed = Shell(run_cli), ""
    for mark, text in blocks(page):
        if mark == "sh":
            printed = "".join(map(shell, steps(text)))
        elif mark == "text":
            assert fits(printed, text), f"{page.name}: printed\n{printed}\nexpected\n{text}"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "docs" / "reproduce.md"], ids=lambda p: p.stem)
def test_what_is_not_run_here_is_run_elsewhere(page: Path) -> None:
    for mark, text in blocks(page):
        assert mark in ("sh", "text", "toml", "console"), f"{page.name} has a block of {mark}"
        for line in text.splitlines() if mark == "console" else ():
            if line.startswith("$ "):
                (where,) = [f for start, f in ELSEWHERE.items() if line[2:].startswith(start)]
                assert (ROOT / where).is_file()
