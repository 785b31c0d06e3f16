"""One process or many: who this process is, how a model is spread, how results are joined.

Under torchrun each process finds its place in the environment. DDP copies the model to every
process; FSDP2 (`fully_shard`, Zhao et al. 2023) gives each a share of every parameter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from hallmark.lm.training.objective import NextTokenLoss, NoSync
from hallmark.lm.training.settings import PARALLEL


@dataclass(frozen=True)
class World:
    """This process among `size`; `mode` is single, ddp or fsdp, `device` where it computes."""

    rank: int = 0
    size: int = 1
    mode: str = "single"
    device: str = "cpu"

    @property
    def main(self) -> bool:
        """Whether this process writes files and talks."""
        return self.rank == 0


@contextmanager
def open_world(parallel: str, *, device: str, environment: Mapping[str, str]) -> Iterator[World]:
    """Join the processes that torchrun started; without torchrun, one process.

    parallel: auto (ddp), ddp or fsdp. device: cpu, or cuda for this process's own GPU. ValueError
    for anything else, or where PyTorch cannot use the device.
    """
    if parallel not in PARALLEL:
        raise ValueError(f"parallel must be one of {', '.join(PARALLEL)}, not {parallel[:40]!r}")
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"device {device!r} cannot be used ({reason}); use 'cpu'") from None
    size = int(environment.get("WORLD_SIZE", "1"))
    if size == 1:
        if parallel == "fsdp":
            raise ValueError("fsdp needs more than one process; start with torchrun, or use auto")
        yield World(device=device)
        return
    rank, local = int(environment["RANK"]), int(environment.get("LOCAL_RANK", "0"))
    own = f"cuda:{local}" if device.startswith("cuda") else device
    if own.startswith("cuda"):
        torch.cuda.set_device(own)
    dist.init_process_group("nccl" if own.startswith("cuda") else "gloo")
    try:
        yield World(rank, size, "ddp" if parallel == "auto" else parallel, own)
        dist.barrier()  # a process that leaves early would take the others' connections with it
    finally:
        dist.destroy_process_group()


def spread(loss: NextTokenLoss, world: World) -> tuple[nn.Module, NoSync | None]:
    """The model to call in training, and what holds gradients back while they are summed."""
    if world.mode == "ddp":
        from torch.nn.parallel import DistributedDataParallel

        ids = None if world.device == "cpu" else [torch.device(world.device)]
        wrapped = DistributedDataParallel(loss, device_ids=ids, gradient_as_bucket_view=True)
        return wrapped, wrapped.no_sync
    if world.mode == "fsdp":
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(torch.device(world.device).type, (world.size,))
        for block in loss.network.h:
            fully_shard(block, mesh=mesh)
        fully_shard(loss, mesh=mesh)
    return loss, None


def mean_of(value: Tensor, world: World) -> float:
    """The mean over all processes."""
    return sum_of(value, world) / world.size


def sum_of(value: Tensor, world: World) -> float:
    """The sum over all processes, in float64 where the device has it."""
    total = value.detach().clone()
    if world.size > 1:
        dist.all_reduce(total)
    return float(total)


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor that may be spread over the processes, which must all ask for it."""
    full: Tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return full


def like(parameter: Tensor, full: Tensor) -> Tensor:
    """`full`, which every process holds, spread as `parameter` is and on its device."""
    if not hasattr(parameter, "full_tensor") or full.shape != parameter.shape:
        return full.to(parameter.device)
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(parameter, DTensor)
    return distribute_tensor(
        full.to(parameter.device), parameter.device_mesh, parameter.placements, src_data_rank=None
    )
