"""Recording a step once and playing it back: CUDA graphs, or the plain call where there are none.

A step reads and writes tensors that stay where they are and returns nothing. Knows nothing of
what it computes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Step = Callable[[], None]
Record = Callable[[Step, Step], Step]  # (step, what undoes a run of it) to its replay

WARM_UPS = 2  # in the first runs libraries choose their kernels and make room, which no graph may
_log = logging.getLogger(__name__)


class Capture:
    """Turns steps into recorded ones for as long as that works, and then leaves them as they are.

    record: by default the device's own way; on a CPU there is none.
    """

    def __init__(self, device: torch.device, *, record: Record | None = None) -> None:
        if record is None and device.type == "cuda":
            record = CudaGraphs(device).record
        self._record = record

    def __call__(self, step: Step, *, changes: Sequence[Tensor]) -> Step:
        """The step, recorded. changes: all that a run changes and the next one reads; it is left
        as it was. What cannot be recorded is named in one line, and runs a kernel at a time.
        """
        if self._record is None:
            return step
        before = [tensor.clone() for tensor in changes]

        def undo() -> None:
            for tensor, value in zip(changes, before, strict=True):
                tensor.copy_(value)

        try:
            return self._record(step, undo)
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            _log.warning("hallmark: slower, for a CUDA graph could not be recorded: %s", reason)
            self._record = None
            undo()
            return step


class CudaGraphs:
    """Records on a stream of its own, as CUDA wants, with one pool of memory for all graphs.

    They may share it because they are played one at a time and leave nothing in it.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        with torch.cuda.device(device):
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
            self._pool = torch.cuda.graph_pool_handle()

    def record(self, step: Step, undo: Step) -> Step:
        """Run the step, undo that, and record it; RuntimeError where it cannot be."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self._device):
            here = torch.cuda.current_stream()
            self._stream.wait_stream(here)
            try:
                # Left by this `with` too: after an error `graph` does not leave the stream.
                with torch.cuda.stream(self._stream):
                    for _ in range(WARM_UPS):
                        step()
                        undo()
                    # "thread_local": what other threads ask of CUDA does not spoil the record.
                    with torch.cuda.graph(
                        graph, self._pool, self._stream, capture_error_mode="thread_local"
                    ):
                        step()
            finally:
                here.wait_stream(self._stream)
        return graph.replay
