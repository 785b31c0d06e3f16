"""Who does the shards: this process, or workers of Dask. The only module that knows Dask.

A task is one shard. A worker that dies loses what it had in hand and no more: Dask gives the shard
to another, and `run_shard` gives the same bytes wherever it runs.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hallmark.scale.shards import Done, Opened, Stage, Task, failed, run_shard

if TYPE_CHECKING:
    from distributed import Client

GPU = "GPU"  # the resource that a Dask worker with a GPU of its own has
WAIT = "30 s"
HERE = "127.0.0.1"
_NEEDED = "several workers need distributed; install hallmark[scale], or give --workers 1"


@dataclass(frozen=True)
class Crew:
    """How many workers on this machine, or the address of a Dask scheduler; whether of GPUs."""

    workers: int = 1
    scheduler: str = ""
    gpus: bool = False

    def map(self, stage: Stage, tasks: Sequence[Task]) -> Iterator[Done]:
        """Every task as it is done, in any order."""
        if not self.scheduler and self.workers == 1:
            opened = stage.open()
            for task in tasks:
                yield run_shard(stage, opened, task)
            return
        with _client(self) as client:
            yield from _on_cluster(client, stage, tasks, gpus=self.gpus)


@contextmanager
def _client(crew: Crew) -> Iterator[Client]:
    """A client of the scheduler at the address, or of one made here for as long as it is used.

    ValueError where there is none, or no worker.
    """
    try:
        import distributed
    except ModuleNotFoundError:
        raise ValueError(_NEEDED) from None
    with ExitStack() as stack:
        address: Any = crew.scheduler
        if not address:
            address = stack.enter_context(_here(crew.workers, gpus=crew.gpus))
        try:
            client = stack.enter_context(distributed.Client(address, timeout=WAIT))
            client.wait_for_workers(1, timeout=WAIT)
        except (OSError, TimeoutError, ValueError) as error:
            reason = str(error).partition("\n")[0] or "no answer"
            raise ValueError(
                f"no Dask worker was found by {crew.scheduler or 'a local scheduler'} within "
                f"{WAIT} ({reason}); start `dask scheduler` and `dask worker`"
            ) from None
        if crew.gpus and not any(
            worker["resources"].get(GPU) for worker in client.scheduler_info(-1)["workers"].values()
        ):
            raise ValueError(f"no worker has a GPU; start one by `dask worker --resources {GPU}=1`")
        yield client


@contextmanager
def _here(count: int, *, gpus: bool) -> Iterator[Any]:
    """Worker processes on this machine, each with one thread of Dask, and a GPU of its own if so.

    They talk over TLS with keys that exist in memory only, so that nobody else can give them work.
    """
    from distributed import Nanny, Scheduler, SpecCluster
    from distributed.security import Security

    security = Security.temporary()
    workers = {
        i: {"cls": Nanny, "options": worker_options(i, security=security, gpus=gpus)}
        for i in range(count)
    }
    options = {
        "security": security, "protocol": "tls", "host": HERE, "port": 0, "dashboard": False,
        "dashboard_address": f"{HERE}:0",
    }  # fmt: skip
    with SpecCluster(
        workers=workers, scheduler={"cls": Scheduler, "options": options}, security=security,
        silence_logs=logging.CRITICAL,
    ) as cluster:  # fmt: skip
        yield cluster


def worker_options(number: int, *, security: Any, gpus: bool) -> dict[str, Any]:
    """Of one worker on this machine: a thread, and the GPU of its number alone where there are."""
    return {
        "nthreads": 1, "memory_limit": 0, "security": security, "dashboard": False, "host": HERE,
        "protocol": "tls", "silence_logs": logging.CRITICAL,
        "env": {"CUDA_VISIBLE_DEVICES": str(number)} if gpus else {},
        "resources": {GPU: 1} if gpus else {},
    }  # fmt: skip


def _on_cluster(
    client: Client, stage: Stage, tasks: Sequence[Task], *, gpus: bool
) -> Iterator[Done]:
    from distributed import KilledWorker, as_completed

    name = f"hallmark-{id(stage)}-{client.id}"
    client.register_plugin(_opener(stage, name))
    resources = {GPU: 1} if gpus else None

    def submit(task: Task) -> Any:
        return client.submit(_work, name, task, pure=False, resources=resources)

    futures, killed = {submit(task): task for task in tasks}, []
    for future in as_completed(futures):
        error = future.exception()
        if isinstance(error, KilledWorker):
            killed.append(futures[future])
        elif error is not None:
            raise error
        else:
            yield future.result()
        future.release()
    for task in killed:  # Dask blames every shard that a dead worker held: now each by itself
        try:
            yield submit(task).result()
        except KilledWorker:
            yield failed(
                task,
                f"{task.shard.path}: workers died of it again and again; give smaller shards or "
                "fewer workers",
            )


def _opener(stage: Stage, name: str) -> Any:
    """A plugin that keeps a stage open on its worker, for one shard at a time."""
    from distributed import WorkerPlugin

    class Opener(WorkerPlugin):  # type: ignore[misc]
        def __init__(self) -> None:
            self.name = name
            self.stage = stage

        def setup(self, worker: Any) -> None:
            self.lock = threading.Lock()
            self.opened: Opened | None = None

        def work(self, task: Task) -> Done:
            with self.lock:
                if self.opened is None:
                    self._check_same(task)
                    self.opened = self.stage.open()
                return run_shard(self.stage, self.opened, task)

        def _check_same(self, task: Task) -> None:
            """ValueError where this worker would give other bytes: other models or versions."""
            from hallmark.outputs.identity import differing

            if difference := differing(self.stage.identity(), json.loads(task.identity)):
                raise ValueError(
                    f"a worker differs from this machine ({difference}); install the same"
                )

    return Opener()


def _work(name: str, task: Task) -> Done:
    """On a worker: the shard, by the stage that it keeps open."""
    from distributed import get_worker

    opener: Any = get_worker().plugins[name]
    done: Done = opener.work(task)
    return done
