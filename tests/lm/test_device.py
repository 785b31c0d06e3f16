"""Threads that are computed on."""

from __future__ import annotations

import pytest
import torch

from hallmark.lm.device import limit_threads


def test_threads_are_limited_inside_and_given_back_after() -> None:
    before = torch.get_num_threads()
    for wanted in (1, before + 1):
        with limit_threads(wanted):
            assert torch.get_num_threads() == wanted
        assert torch.get_num_threads() == before
    with pytest.raises(KeyError), limit_threads(1):
        raise KeyError
    assert torch.get_num_threads() == before
