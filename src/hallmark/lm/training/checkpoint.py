"""A run's state on disk: one folder a checkpoint, whole or not there, in safetensors and JSON.

Tensors are stored whole, whatever spread them over processes, so that a run goes on with another
number of them. A folder is written under another name, its manifest last, and then renamed.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hallmark.lm.training.optimiser import Named, restore_state, state_of
from hallmark.lm.training.parallel import World, like, sum_of, whole
from hallmark.models.folder import check_manifest, read_json, write_json, write_manifest
from hallmark.models.sizes import MANIFEST
from hallmark.models.weights import SafetensorsFile, write_safetensors

CHECKPOINTS = "checkpoints"
WEIGHTS, OPTIMISER, STATE = "model.safetensors", "optimiser.safetensors", "state.json"
_NAME = re.compile(r"step-(\d{8,})")


_NAMED = 6  # differences that a refusal names one by one


class OtherRun(ValueError):
    """The folder belongs to a run with other settings, data or first weights."""


@dataclass(frozen=True)
class Progress:
    """Where a run is: steps done, bytes logged, its best validation, and why it ended, if it did.

    stale: validations since the best one.
    """

    step: int = 0
    log_length: int = 0
    best_step: int | None = None
    best_loss: float | None = None
    stale: int = 0
    ended: str = ""


def save(
    folder: Path,
    progress: Progress,
    identity: Mapping[str, Any],
    *,
    named: Named,
    steppers: list[torch.optim.Optimizer],
    world: World,
    keep: int,
) -> None:
    """Write the checkpoint of `progress.step`, then let go of all but the newest and the best.

    Every process must call it; the first one writes. OSError where the disk is full, with
    earlier checkpoints as they were.
    """
    final = folder / CHECKPOINTS / f"step-{progress.step:08d}"
    weights = {name: whole(p) for name, p in named}
    memory = {name: whole(t) for name, t in state_of(steppers, named).items()}
    failure: OSError | None = None
    if world.main:
        try:
            _write(final, weights, memory, {"identity": dict(identity), **asdict(progress)})
            _prune(folder, progress, keep=keep)
        except OSError as error:
            failure = error
    _agree(failure, world, final)


def _write(
    final: Path, weights: dict[str, Tensor], memory: dict[str, Tensor], state: dict[str, Any]
) -> None:
    fresh = final.with_name(f".{final.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(parents=True)
        write_safetensors(fresh / WEIGHTS, weights)
        write_safetensors(fresh / OPTIMISER, memory)
        write_json(fresh / STATE, state)
        write_manifest(fresh, (WEIGHTS, OPTIMISER, STATE), format="hallmark-training")
        shutil.rmtree(final, ignore_errors=True)
        fresh.rename(final)
    except BaseException as error:
        shutil.rmtree(fresh, ignore_errors=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            raise OSError(error.errno, error.strerror, str(final)) from None
        raise
    descriptor = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _prune(folder: Path, progress: Progress, *, keep: int) -> None:
    steps = checkpoint_steps(folder)
    for step in steps[:-keep]:
        if step != progress.best_step:
            shutil.rmtree(folder / CHECKPOINTS / f"step-{step:08d}", ignore_errors=True)


def _agree(failure: OSError | None, world: World, final: Path) -> None:
    """Let every process fail where the one that writes has failed."""
    failed = torch.tensor(float(failure is not None), device=world.device)
    if sum_of(failed, world) and failure is None:
        raise OSError(f"{final} could not be written by the first process")
    if failure is not None:
        raise failure


def checkpoint_steps(folder: Path) -> list[int]:
    """The steps that there are whole checkpoints of, in order."""
    inside = (folder / CHECKPOINTS).glob("step-*") if (folder / CHECKPOINTS).is_dir() else ()
    found = (_NAME.fullmatch(p.name) for p in inside if (p / MANIFEST).is_file())
    return sorted(int(match[1]) for match in found if match)


def checkpoint_folder(folder: Path, step: int) -> Path:
    """Where the checkpoint of `step` is."""
    return folder / CHECKPOINTS / f"step-{step:08d}"


def read_state(path: Path, *, identity: Mapping[str, Any] | None = None) -> Progress:
    """What a checkpoint says of its run, its files checked against their hashes.

    ValueError where one is damaged; OtherRun where the run is not that of `identity`.
    """
    check_manifest(path)
    state = read_json(path / STATE)
    found = state.pop("identity", None)
    if identity is not None and found != identity:
        raise OtherRun(
            f"{path.parent.parent} belongs to a run with other settings or data "
            f"({difference(found, identity) or 'an older version'}); use a new folder"
        )
    return Progress(**state)


def difference(found: Any, wanted: Mapping[str, Any]) -> str:
    """Which settings differ, by name; how many more there are where there are many."""
    if not isinstance(found, dict):
        return "its identity is damaged"
    parts = []
    for key, value in wanted.items():
        other = found.get(key)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            parts += [
                f"{k}: {other.get(k)!r} there, {v!r} here"
                for k, v in value.items()
                if other.get(k) != v
            ]
        elif other != value:
            parts.append(key)
    more = [f"and {len(parts) - _NAMED} more"] if len(parts) > _NAMED else []
    return "; ".join([*parts[:_NAMED], *more])


def resume(
    folder: Path,
    identity: Mapping[str, Any],
    *,
    named: Named,
    steppers: list[torch.optim.Optimizer],
    note: Callable[[str], None],
) -> Progress:
    """Load the newest whole checkpoint of this very run; the beginning where there is none.

    A damaged one is passed over for the one before it, and `note` is told so.
    """
    steps = checkpoint_steps(folder)
    for step in reversed(steps):
        path = checkpoint_folder(folder, step)
        try:
            check_manifest(path)
        except (ValueError, OSError) as error:
            if step == steps[0]:
                raise
            note(f"{error}; going on from the checkpoint before it")
            continue
        progress = read_state(path, identity=identity)
        load_weights(path, named)
        parameters = dict(named)
        memory = {
            name: like(parameters[name.partition("/")[2]], tensor) if tensor.ndim else tensor
            for name, tensor in read_tensors(path / OPTIMISER).items()
        }
        restore_state(steppers, named, memory)
        return progress
    return Progress()


@torch.no_grad()
def load_weights(path: Path, named: Named) -> None:
    """Copy a checkpoint's weights into the parameters."""
    found = read_tensors(path / WEIGHTS)
    if found.keys() != {name for name, _ in named}:
        raise ValueError(f"{path} holds other parameters than this run trains; use a new folder")
    for name, parameter in named:
        parameter.copy_(like(parameter, found[name]))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file, copied out of it."""
    file = SafetensorsFile(path)
    return {name: file.read(name, dtypes=("F32",)).clone() for name in file.shapes}
