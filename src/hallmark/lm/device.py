"""What PyTorch finds on this machine: its devices and threads. Chooses nothing."""

from __future__ import annotations

from dataclasses import dataclass

import torch


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
