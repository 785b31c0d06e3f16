"""Every token once, with the context that was promised."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hallmark.lm.windows import windows


@settings(deadline=None)  # the machine may be busy
@given(st.integers(0, 300), st.integers(1, 40), st.data())
def test_each_token_is_scored_once_with_enough_context(length: int, n_ctx: int, data) -> None:
    stride = data.draw(st.integers(1, n_ctx))
    found = list(windows(length, n_ctx=n_ctx, stride=stride))
    assert [i for w in found for i in range(w.first, w.end)] == list(range(length))
    for w in found:
        assert 0 <= w.start <= w.first < w.end <= length
        assert w.length <= n_ctx
        assert w.start == 0 or w.first - w.start >= n_ctx - stride
