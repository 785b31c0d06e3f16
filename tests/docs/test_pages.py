"""The commands of a page, run from top to bottom in a folder with what the page speaks of.

Models and numbers of texts are smaller than on the page where `SMALLER` says so: a command is
then given once more settings, of which the last count. What cannot run so is in `ELSEWHERE`.
"""

from __future__ import annotations

import runpy
import subprocess
from pathlib import Path

import pytest

from .elsewhere import ELSEWHERE, SMALLER, found_in
from .inputs import INPUTS
from .lines import ALL, Command


@pytest.mark.parametrize("page", INPUTS)
def test_the_commands_of_a_page_run(
    page: str, run_cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None
) -> None:
    monkeypatch.chdir(tmp_path)
    INPUTS[page]()
    ran = 0
    for command in ALL:
        if command.page == page and not found_in(ELSEWHERE, command):
            run(command, run_cli)
            ran += 1
    assert ran


def run(command: Command, run_cli) -> None:
    """By a shell; Python and `hallmark` in this process. Anything but exit code 0 fails."""
    if command.mark == "python":
        script = Path("example.py")
        script.write_text(command.text, encoding="utf-8")
        runpy.run_path(str(script))
        return
    if "hallmark" not in command.words:
        subprocess.run(["sh", "-eu", "-c", command.text], check=True, timeout=60)
        return
    given = b""
    if command.fed_by:
        given = subprocess.run(
            ["sh", "-eu", "-c", command.fed_by], check=True, timeout=60, capture_output=True
        ).stdout
    extra = (found_in(SMALLER, command) or "").split()
    done = run_cli(*command.words[1:], *extra, stdin=given)
    assert done.code == 0, f"{command.page}: {command.text}\n{done.err}"
    if command.into:
        Path(command.into).write_text(done.out, encoding="utf-8")
