"""What compiled functions are kept under, and what happens where nothing can be kept."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
import threading

import pytest

import hallmark.lm.engine
from hallmark.lm import causal, compiled, fused, gelu, int8
from hallmark.lm.compiled import kept, share, stamp
from hallmark.lm.engine.entries import entries


def test_what_is_kept_carries_the_stamp_of_all_files() -> None:
    """numba compares what a function closes over: an update of any file compiles it again."""
    for function in (
        *entries(),
        causal._softmax_entry(),
        causal._gradient_entry(),
        fused._entry(),
        fused._gradient_entry(),
        gelu._entry(),
        gelu._out_entry(),
        gelu._slope_entry(),
        int8._quantise_entry(),
        int8._scale_entry(),
    ):
        held = {cell.cell_contents for cell in function.py_func.__closure__}
        assert stamp() in held


def test_the_stamp_follows_each_file(monkeypatch, tmp_path) -> None:
    (tmp_path / "engine").mkdir()
    files = [
        tmp_path / f"{n}.py"
        for n in ("causal", "compiled", "fused", "gelu", "int8", "engine/kernels")
    ]
    for file in files:
        file.write_text("1")
    monkeypatch.setattr(compiled, "__file__", str(tmp_path / "compiled.py"))
    marks = [stamp.__wrapped__()]
    for file in files:
        file.write_text("2")
        marks.append(stamp.__wrapped__())
    assert len(set(marks)) == len(files) + 1


def test_without_a_place_on_disk_it_is_compiled_all_the_same(monkeypatch) -> None:
    asked = []

    def refuse(*, cache: bool = False, **flags: object):
        asked.append((cache, flags))
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(compiled, "njit", refuse)
    assert kept(nogil=True)(len) is len
    assert asked == [(True, {"nogil": True}), (False, {"nogil": True})]


def test_scores_have_the_same_bits_compiled_just_now_and_from_disk(tmp_path) -> None:
    """A loop that another one calls would be vectorised anew where it is read from disk."""
    code = (
        "import torch; from hallmark.lm import fused; torch.set_num_threads(1);"
        "g = torch.Generator().manual_seed(0); logits = 3 * torch.randn(40, 3000, generator=g);"
        "targets = torch.randint(0, 3000, (40, 1), generator=g);"
        "print([c.tolist() for c in fused.statistics(logits, targets)])"
    )
    own = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    fresh, kept_ = (
        subprocess.run([sys.executable, "-c", code], env=own, capture_output=True, check=True)
        for _ in range(2)
    )
    assert any(tmp_path.rglob("*.nbc"))
    assert fresh.stdout == kept_.stdout


def test_loops_whose_sums_may_be_reordered_are_inlined() -> None:
    """For the same reason: compiled here, the decoder called other code than from disk."""
    package = hallmark.lm.engine
    modules = [
        importlib.import_module(f"{package.__name__}.{m.name}")
        for m in pkgutil.iter_modules(package.__path__)
    ]
    loops = {f for m in modules for f in vars(m).values() if hasattr(f, "targetoptions")}
    loose = [f for f in loops if f.targetoptions.get("fastmath")]
    assert len(loose) > 5
    for function in loose:
        options = function.targetoptions
        assert options.get("forceinline") or options.get("inline") == "always", function


def test_shared_work_is_done_once_by_threads_that_stay(two_threads: None) -> None:
    done: list[tuple[slice, int]] = []
    for _ in range(3):
        share(5, lambda part: done.append((part, threading.get_ident())))
    rows = sorted(i for part, _ in done for i in range(part.start, part.stop))
    assert rows == sorted(3 * list(range(5)))
    assert len({thread for _, thread in done}) == 2


def test_an_error_in_any_part_is_raised_after_all_have_ended(two_threads: None) -> None:
    ended: list[int] = []

    def work(part: slice) -> None:
        ended.append(part.start)
        raise ValueError(f"part {part.start}")

    with pytest.raises(ValueError, match="part 0"):
        share(2, work)
    assert sorted(ended) == [0, 1]

    def last(part: slice) -> None:
        if part.start:
            raise ValueError("the last part")

    with pytest.raises(ValueError, match="the last part"):
        share(2, last)


def test_a_fork_gets_threads_of_its_own(two_threads: None, monkeypatch) -> None:
    seen: set[int] = set()
    for process in (1, 2):
        monkeypatch.setattr(os, "getpid", lambda process=process: process)
        share(2, lambda part: seen.add(threading.get_ident()))
    assert len(seen) == 3
