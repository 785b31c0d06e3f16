"""The tiny run of `program.py`, for tests that do not need a process of its own."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

PROGRAM = Path(__file__).with_name("program.py")


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None: ...


@pytest.fixture(scope="session")
def program() -> Path:
    """The program's file."""
    return PROGRAM


@pytest.fixture(scope="session")
def tiny(fingerprint) -> SimpleNamespace:
    """What the program defines."""
    return SimpleNamespace(**runpy.run_path(str(PROGRAM)), fingerprint=fingerprint)
