"""The tiny run of `program.py`, for tests that do not need a process of its own."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

PROGRAM = Path(__file__).with_name("program.py")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def program() -> Path:
    """The program's file."""
    return PROGRAM


@pytest.fixture(scope="session")
def tiny() -> SimpleNamespace:
    """What the program defines."""
    return SimpleNamespace(**runpy.run_path(str(PROGRAM)))
