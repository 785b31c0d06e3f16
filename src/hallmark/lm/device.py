"""What PyTorch finds on this machine: its devices, its threads, and units for bf16."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from hallmark.models.precision import AUTO, Precision

_BF16_UNITS = ("amx_bf16", "avx512_bf16", "bf16")  # of x86 and ARM, as PyTorch names them


@dataclass(frozen=True)
class Machine:
    """PyTorch's version, the devices it can use (`cpu` always, first), and its CPU threads."""

    torch: str
    devices: tuple[str, ...]
    threads: int


def find_machine() -> Machine:
    """Ask PyTorch; nothing is allocated or set."""
    names = [f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("mps")
    return Machine(str(torch.__version__), ("cpu", *names), torch.get_num_threads())


@contextmanager
def limit_threads(count: int) -> Iterator[None]:
    """Compute on `count` threads inside the block.

    The last bits of a sum depend on how many threads share it.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count, "blas"):
            yield
    finally:
        torch.set_num_threads(before)


def scoring_precision(name: str, *, device: str) -> str:
    """The precision called `name`; "auto" takes the one in which `device` scores fastest.

    bf16 where it has units for it, and else float32: with many rows a product is bound by
    arithmetic, and to round them to int8 costs more than it saves.
    """
    if name != AUTO:
        return name
    if device.partition(":")[0] != "cpu":
        return Precision.BF16
    find: Callable[[], Mapping[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    capabilities = find()  # none where PyTorch is too old to tell
    units = any(capabilities.get(unit) for unit in _BF16_UNITS)
    return Precision.BF16 if units else Precision.FLOAT32
