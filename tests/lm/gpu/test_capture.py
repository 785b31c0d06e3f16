"""Recording: what is left as it was, what happens where it fails, and the calls it consists of."""

from __future__ import annotations

import inspect
from contextlib import contextmanager

import pytest
import torch

from hallmark.lm.gpu.capture import WARM_UPS, Capture, CudaGraphs

CPU = torch.device("cpu")
GRAPH = inspect.signature(torch.cuda.graph)


def test_on_a_cpu_a_step_is_left_as_it_is():
    def step() -> None: ...

    assert Capture(CPU)(step, changes=[]) is step


def test_what_a_rehearsal_changes_is_undone():
    counter = torch.zeros(2)

    def record(step, undo):
        step()
        assert counter.tolist() == [1, 1]
        undo()
        assert counter.tolist() == [0, 0]
        return step

    run = Capture(CPU, record=record)(lambda: counter.add_(1), changes=[counter])
    run()
    assert counter.tolist() == [1, 1]


def test_what_cannot_be_recorded_runs_plainly_and_says_so_once(caplog):
    counter, tried = torch.zeros(1), []

    def record(step, undo):
        tried.append(step)
        step()
        raise RuntimeError("operation not permitted when stream is capturing\nmore\nlines")

    capture = Capture(CPU, record=record)
    for before in range(2):
        run = capture(lambda: counter.add_(1), changes=[counter])
        assert counter.item() == before
        run()
    assert (counter.item(), len(tried)) == (2, 1)
    (line,) = caplog.messages
    assert line.endswith("could not be recorded: operation not permitted when stream is capturing")


class FakeCuda:
    """torch.cuda as `CudaGraphs` uses it: notes who does what on which stream."""

    def __init__(self, *, fails: bool) -> None:
        self.log: list[str] = []
        self.current = "main"
        self.fails = fails

    def Stream(self, device):
        return _Stream("side", self)

    def CUDAGraph(self):
        return type("Graph", (), {"replay": lambda _: self.log.append("replay")})()

    def graph_pool_handle(self):
        return (0, 1)

    def current_stream(self):
        return _Stream(self.current, self)

    @contextmanager
    def device(self, device):
        assert device == torch.device("cuda", 1)
        yield

    @contextmanager
    def stream(self, stream):
        before, self.current = self.current, stream.name
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def graph(self, *arguments, **named):
        bound = GRAPH.bind(*arguments, **named).arguments
        assert bound["stream"].name == self.current == "side"
        assert bound["pool"] == (0, 1)
        self.log.append("capture")
        yield
        if self.fails:
            raise RuntimeError("capture failed")
        self.log.append("captured")


class _Stream:
    def __init__(self, name: str, cuda: FakeCuda) -> None:
        self.name, self.cuda = name, cuda

    def wait_stream(self, other: _Stream) -> None:
        self.cuda.log.append(f"{self.name} waits for {other.name}")


@pytest.mark.parametrize("fails", [False, True])
def test_a_graph_is_recorded_after_rehearsals_on_a_side_stream(monkeypatch, fails):
    fake = FakeCuda(fails=fails)
    for name in (
        "Stream", "CUDAGraph", "graph_pool_handle", "current_stream", "device", "stream", "graph",
    ):  # fmt: skip
        assert hasattr(torch.cuda, name)
        monkeypatch.setattr(torch.cuda, name, getattr(fake, name))
    graphs = CudaGraphs(torch.device("cuda", 1))

    def record():
        return graphs.record(
            lambda: fake.log.append(f"step on {fake.current}"), lambda: fake.log.append("undo")
        )

    rehearsals = ["step on side", "undo"] * WARM_UPS
    begin = ["side waits for main", *rehearsals, "capture", "step on side"]
    if fails:
        with pytest.raises(RuntimeError, match="capture failed"):
            record()
        assert fake.log == [*begin, "main waits for side"]
    else:
        record()()
        assert fake.log == [*begin, "captured", "main waits for side", "replay"]
    assert fake.current == "main"
