"""A small network that is far from flat and swayed by all that it has read, on one thread."""

from __future__ import annotations

import pytest

from hallmark.models.gpt2 import GPT2


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None: ...


@pytest.fixture(scope="session")
def network(make_swayed) -> GPT2:
    return make_swayed(n_head=4, n_embd=48, sharpness=2.5)
