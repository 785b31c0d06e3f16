"""Every token once, with the context that was promised."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hallmark.lm.windows import Window, batches, windows


@settings(deadline=None)  # the machine may be busy
@given(st.integers(0, 300), st.integers(1, 40), st.data())
def test_each_token_is_scored_once_with_enough_context(length: int, n_ctx: int, data) -> None:
    stride = data.draw(st.integers(1, n_ctx))
    found = list(windows(5, length, n_ctx=n_ctx, stride=stride))
    assert [i for w in found for i in range(w.first, w.end)] == list(range(length))
    for w in found:
        assert w.text == 5
        assert 0 <= w.start <= w.first < w.end <= length
        assert w.length <= n_ctx
        assert w.start == 0 or w.first - w.start >= n_ctx - stride


@pytest.mark.parametrize("batch_tokens", [1, 10, 25, 1000])
def test_batches_hold_like_lengths_and_stay_small(batch_tokens: int) -> None:
    chosen = [Window(i, 0, 0, length) for i, length in enumerate([3, 9, 1, 9, 4, 2, 8])]
    found = list(batches(chosen, batch_tokens=batch_tokens))
    assert sorted((w for b in found for w in b), key=lambda w: w.text) == chosen
    lengths = [w.length for b in found for w in b]
    assert lengths == sorted(lengths, reverse=True)
    for batch in found:
        assert len(batch) == 1 or len(batch) * batch[0].length <= batch_tokens
