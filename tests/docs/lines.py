"""The commands that the documentation shows: fenced blocks, and `hallmark ...` within a sentence.

Knows how a page is written, and nothing of what a command does.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    *(p for p in sorted(DOCS.glob("*.md")) if p.name != "cli.md"),  # which is generated
    *sorted(DOCS.glob("jobs/*.md")),
]
_FENCED = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`(hallmark [^`]+)`")


@dataclass(frozen=True)
class Command:
    """One command of a page: its text, continued lines joined, and the lines up to END."""

    page: str
    text: str
    mark: str  # of the block; empty within a sentence

    @property
    def words(self) -> list[str]:
        """The program and its arguments: no comment, no redirection, no other side of a pipe;
        none of Python.
        """
        if self.mark == "python":
            return []
        words = self._line
        if "|" in words and "hallmark" in words:
            words = words[words.index("|") + 1 :]
        ends = [words.index(sign) for sign in ("||", "<", ">", "<<", "|") if sign in words]
        return words[: min(ends, default=None)]

    @property
    def fed_by(self) -> str:
        """The command whose output the program reads; empty for none."""
        before, pipe, _ = self.text.partition(" | ")
        if pipe:
            return before
        words = self._line
        return f"cat {words[words.index('<') + 1]}" if "<" in words else ""

    @property
    def into(self) -> str:
        """The file that takes what the program prints; empty for none."""
        words = self._line
        return words[words.index(">") + 1] if ">" in words else ""

    @property
    def _line(self) -> list[str]:
        return split(self.text.partition("\n")[0])


def split(line: str) -> list[str]:
    """A line as a shell splits it, with its signs as words of their own."""
    reader = shlex.shlex(line, posix=True, punctuation_chars="|<>")
    reader.whitespace_split, reader.commenters = True, "#"
    return list(reader)


def commands(page: Path) -> Iterator[Command]:
    """What stands in fenced blocks, in order: each line of `sh`, of others the lines after a `$`;
    `python` whole.
    """
    name = page.relative_to(ROOT).as_posix()
    for mark, block in _FENCED.findall(page.read_text("utf-8")):
        if mark == "python":
            yield Command(name, block, mark)
            continue
        lines = iter(block.splitlines())
        for line in lines:
            if mark != "sh":
                if not line.startswith("$ "):
                    continue
                line = line[2:]
            while line.endswith("\\"):
                line = f"{line[:-1].rstrip()} {next(lines).strip()}"
            if "<<'END'" in line:
                line = "\n".join([line, *iter(lines.__next__, "END"), "END"])
            if line.strip() and not line.startswith("#"):
                yield Command(name, line.partition("  #")[0].rstrip(), mark)


def mentions(page: Path) -> Iterator[Command]:
    """`hallmark ...` in a sentence, of which arguments may be left out."""
    prose = _FENCED.sub("", page.read_text("utf-8"))
    for text in _INLINE.findall(prose):
        yield Command(page.relative_to(ROOT).as_posix(), " ".join(text.split()), "")


ALL = [command for page in PAGES for command in commands(page)]
