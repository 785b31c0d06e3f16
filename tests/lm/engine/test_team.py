"""A team's threads: a failure of one ends all, and a signal leaves none waiting."""

from __future__ import annotations

import signal
import threading
import time

import numpy as np
import pytest

from hallmark.lm.engine.team import Team


def waiting_for_all(rank: int, size: int, barrier: np.ndarray, fails: int) -> None:
    """Meet the others, but for the rank that fails before."""
    if rank == fails:
        raise RuntimeError("this rank fails")
    barrier[1 + rank] = 1
    while barrier[0] == 0 and barrier[1 : 1 + size].sum() < size:
        time.sleep(0.001)


@pytest.mark.parametrize("fails", [0, 2])
def test_a_failure_is_raised_and_the_team_goes_on(fails: int) -> None:
    barrier = np.zeros(8, dtype=np.int64)
    team = Team(3, barrier=barrier)
    with pytest.raises(RuntimeError, match="this rank fails"):
        team.run(waiting_for_all, barrier, fails)
    barrier[:] = 0
    team.run(waiting_for_all, barrier, -1)
    assert barrier[1:4].tolist() == [1, 1, 1]
    team.close()


def test_an_interrupt_waits_for_the_pass_and_no_longer() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in background jobs
    barrier = np.zeros(8, dtype=np.int64)
    ended = []

    def program(rank: int, size: int) -> None:
        if rank == 0:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(0.2)
        ended.append(rank)

    team = Team(2, barrier=barrier)
    try:
        with pytest.raises(KeyboardInterrupt):
            team.run(program)
    finally:
        signal.signal(signal.SIGINT, before)
    assert sorted(ended) == [0, 1]
    team.close()
