"""Two Dask workers: the same bytes as one process, and what a killed worker loses."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hallmark.scale.inputs import Record, list_shards
from hallmark.scale.run import run
from hallmark.scale.shards import Done, Stage, Task
from hallmark.scale.stages import Score
from hallmark.scale.traces import Traces
from hallmark.scale.workers import Crew

from .conftest import NOWHERE, SCORE


def workers(cluster: Any) -> list[int]:
    """The processes of the workers."""
    from distributed import Client

    with Client(cluster.scheduler_address) as client:
        client.wait_for_workers(2, timeout=30)
        return list(client.run(os.getpid).values())


def test_two_workers_of_a_scheduler_give_the_bytes_of_one_process(
    cluster: Any, shards: Path, whole: Path, tmp_path: Path, hashes
) -> None:
    crew = Crew(scheduler=cluster.scheduler_address)
    outcome = run(SCORE, list_shards([shards]), tmp_path, mapped=crew.map)
    assert outcome.errors == []
    assert hashes(tmp_path) == hashes(whole)


def test_signals_too(cluster: Any, shards: Path, tmp_path: Path, hashes) -> None:
    crews = {"one": Crew(1), "two": Crew(scheduler=cluster.scheduler_address)}
    for name, crew in crews.items():
        run(Traces(NOWHERE), list_shards([shards]), tmp_path / name, mapped=crew.map)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")


def test_a_worker_killed_in_the_middle_loses_nothing(
    cluster: Any, shards: Path, whole: Path, tmp_path: Path, hashes
) -> None:
    """With SIGKILL, as the first shard is done and others are in hand."""
    crew = Crew(scheduler=cluster.scheduler_address)
    victim = workers(cluster)[0]

    def mapped(stage: Stage, tasks: Sequence[Task]) -> Iterator[Done]:
        for number, done in enumerate(crew.map(stage, tasks)):
            if number == 0:
                os.kill(victim, signal.SIGKILL)
            yield done

    outcome = run(SCORE, list_shards([shards]), tmp_path, mapped=mapped)
    assert (len(outcome.shards), outcome.errors) == (6, [])
    assert hashes(tmp_path) == hashes(whole)
    assert victim not in workers(cluster)


def test_workers_made_here_give_the_same_bytes_and_name_bad_shards(
    shards: Path, whole: Path, tmp_path: Path, run_cli, hashes
) -> None:
    """Through the program: two processes that talk over TLS."""
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "one"}\n\n{"text":\n')
    out = tmp_path / "out"
    settings = ["--model", "ladder-0.5M", "--workers", 2]
    done = run_cli("corpus", "score", shards, bad, "--out", out, *settings)
    assert (done.code, done.out) == (1, "")
    said = done.err.splitlines()
    assert said[-2].startswith(f"hallmark: {bad}, line 3 is not JSON")
    assert said[-1].startswith("hallmark: 1 of 7 shards were not done, the others were")
    found, wanted = (
        {name: value for name, value in hashes(folder).items() if name.startswith("part-")}
        for folder in (out, whole)
    )
    assert found == wanted
    bad.write_text('{"text": "one"}\n')
    done = run_cli(
        "corpus", "score", shards, bad, "--out", out, *settings[:2], "--workers", 1, "-q"
    )
    assert (done.code, done.out, done.err) == (0, f"{out}\n", "")


@dataclass(frozen=True)
class Deadly:
    """A stage that kills whoever reads a certain shard."""

    @property
    def schema(self) -> Mapping[str, str]:
        return {"id": "string"}

    def identity(self) -> dict[str, Any]:
        return {"stage": "deadly"}

    def open(self) -> Deadly:
        return self

    def columns(self, records: Sequence[Record]) -> dict[str, list[str]]:
        if records[0].id == "p48":  # the first of 2.parquet
            time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGKILL)
        return {"id": [record.id for record in records]}


def test_a_shard_that_kills_its_workers_is_given_up_and_the_others_finish(
    cluster: Any, shards: Path, tmp_path: Path
) -> None:
    import sys

    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    crew = Crew(scheduler=cluster.scheduler_address)
    outcome = run(Deadly(), list_shards([shards]), tmp_path, mapped=crew.map)
    (error,) = outcome.errors
    assert error.startswith(f"{shards / '2.parquet'}: workers died of it again and again")
    assert len(list(tmp_path.glob("part-*.parquet"))) == 5


def test_a_worker_with_another_model_is_refused(cluster: Any, shards: Path, tmp_path: Path) -> None:
    crew = Crew(scheduler=cluster.scheduler_address)

    def mapped(stage: Stage, tasks: Sequence[Task]) -> Iterator[Done]:
        return crew.map(Score(NOWHERE, "ladder-1M"), tasks)

    with pytest.raises(ValueError, match="a worker differs from this machine"):
        run(SCORE, list_shards([shards]), tmp_path, mapped=mapped)


def test_nobody_at_the_address_is_one_line(shards: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("hallmark.scale.workers.WAIT", "1 s")
    crew = Crew(scheduler="tcp://127.0.0.1:9")
    with pytest.raises(ValueError, match=r"no Dask worker was found by tcp://127\.0\.0\.1:9"):
        run(SCORE, list_shards([shards]), tmp_path, mapped=crew.map)


def test_a_gpu_is_asked_for_and_not_waited_for(cluster: Any, shards: Path, tmp_path: Path) -> None:
    crew = Crew(scheduler=cluster.scheduler_address, gpus=True)
    with pytest.raises(ValueError, match="no worker has a GPU; start one by"):
        run(SCORE, list_shards([shards]), tmp_path, mapped=crew.map)


def test_each_worker_made_here_sees_a_gpu_of_its_own() -> None:
    from hallmark.scale.workers import worker_options

    options = [worker_options(i, security=None, gpus=True) for i in range(2)]
    assert [o["env"]["CUDA_VISIBLE_DEVICES"] for o in options] == ["0", "1"]
    assert options[0]["resources"] == {"GPU": 1}
    assert worker_options(0, security=None, gpus=False)["env"] == {}


def test_without_dask_one_worker_is_enough(shards: Path, tmp_path: Path, monkeypatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    inputs = list_shards([shards / "0.jsonl"])
    with pytest.raises(ValueError, match=r"install hallmark\[scale\], or give --workers 1"):
        run(SCORE, inputs, tmp_path, mapped=Crew(2).map)
    assert run(SCORE, inputs, tmp_path, mapped=Crew(1).map).manifest
