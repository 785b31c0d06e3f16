"""Named tensors in safetensors files, and a network built strictly from named tensors.

Knows no format's naming: `huggingface.py`, `quantised.py` and `tensorflow.py` say which tensor
is which. Files are mapped, and one tensor at a time is copied out of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.overrides import TorchFunctionMode

from hallmark.data import write_atomically
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import GPT2Config

_DTYPE_NAMES = {torch.float32: "F32", torch.float16: "F16", torch.int8: "I8", torch.uint8: "U8"}
_AGAIN = "fetch or save the model again"
_LONGEST_HEADER = 16 * 2**20  # GPT-2 XL has 66 kB

Shape = tuple[int, ...]


class SafetensorsFile:
    """One safetensors file, its header checked; `shapes` and `dtypes` by tensor name.

    ValueError where it is not a whole safetensors file (a pickle under that name, say).
    """

    def __init__(self, path: Path) -> None:
        if path.is_dir():
            raise ValueError(f"{path} is a folder, not a file; {_AGAIN}")
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; {_AGAIN}")
        self.path = path
        with path.open("rb") as opened:
            header = int.from_bytes(opened.read(8), "little")
        if header > _LONGEST_HEADER:
            raise ValueError(f"{path} is not a whole safetensors file (huge header); {_AGAIN}")
        try:
            file: Any = safe_open(path, framework="pt")
            self._file = file
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            self.shapes: dict[str, Shape] = {n: tuple(s.get_shape()) for n, s in slices.items()}
            self.dtypes: dict[str, str] = {n: s.get_dtype() for n, s in slices.items()}
        except (SafetensorError, OSError, ValueError) as error:
            raise ValueError(
                f"{path} is not a whole safetensors file ({error}); {_AGAIN}"
            ) from None

    def read(self, name: str, *, dtypes: tuple[str, ...]) -> Tensor:
        """The tensor, on memory mapped from the file; ValueError where its type is another."""
        if self.dtypes[name] not in dtypes:
            found, valid = self.dtypes[name], ", ".join(dtypes)
            raise ValueError(f"{self.path}: {name} is of type {found}, not {valid}; {_AGAIN}")
        try:
            tensor: Tensor = self._file.get_tensor(name)
        except (SafetensorError, OSError, ValueError) as error:
            raise ValueError(f"{self.path}: cannot read {name} ({error}); {_AGAIN}") from None
        return tensor


def write_safetensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write float32, float16, int8 or uint8 tensors beside `path` and rename.

    Written here, tensor by tensor, rather than by the safetensors library, which leaves half a
    file and an error of its own where the disk is full.
    """
    by_width = sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0]))
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, tensor in by_width:
        begin, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": _DTYPE_NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with write_atomically(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, tensor in by_width:
            file.write(tensor.detach().cpu().contiguous().numpy().tobytes())


def copy_float32(tensor: Tensor, *, transpose: bool = False) -> Tensor:
    """A float32 copy in fresh memory, transposed where `transpose`."""
    source = tensor.t() if transpose else tensor
    return torch.empty(source.shape, dtype=torch.float32).copy_(source)


class _Unfilled(TorchFunctionMode):
    """Networks made under this keep whatever their parameters hold.

    They hold nothing on the meta device, where to fill them would first load PyTorch's compiler
    (more than a second of every start).
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if getattr(func, "__module__", None) == "torch.nn.init":
            return None
        return func(*args, **(kwargs or {}))


def build(
    config: GPT2Config,
    shapes: Mapping[str, Shape],
    read: Callable[[str], Tensor],
    *,
    where: Path,
) -> GPT2:
    """A float32 network in eval mode of the tensors that `read` returns.

    `shapes` says, by parameter name, what there is to read, and is compared with `config` before
    anything is read or allocated. ValueError names missing, unexpected, wrong-shaped tensors and
    those that hold NaN or infinity; `where` is the file or folder that messages name.
    """
    with torch.device("meta"), _Unfilled():
        network = GPT2(config)
    expected = {name: tuple(p.shape) for name, p in network.named_parameters()}
    _compare(expected, shapes, where=where)
    state = {}
    for name, shape in expected.items():
        tensor = read(name)
        if tuple(tensor.shape) != shape:
            raise ValueError(f"{where}: {name} has shape {tuple(tensor.shape)}, not {shape}")
        # NaN and infinity reach the extremes; isfinite would take the tensor's memory again.
        if not tensor.is_meta and not all(extreme.isfinite() for extreme in tensor.aminmax()):
            raise ValueError(f"{where}: {name} holds NaN or infinity; {_AGAIN}")
        state[name] = tensor
    network.load_state_dict(state, assign=True)
    return network.eval()


def _compare(expected: Mapping[str, Shape], found: Mapping[str, Shape], *, where: Path) -> None:
    for what, names in (
        ("lacks", expected.keys() - found.keys()),
        ("holds tensors that GPT-2 has not:", found.keys() - expected.keys()),
    ):
        if names:
            first = ", ".join(n[:60] for n in sorted(names)[:3])
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise ValueError(
                f"{where} {what} {first}{more}; config and weights must belong together"
            )
    for name, shape in expected.items():
        if found[name] != shape:
            raise ValueError(
                f"{where}: {name} has shape {found[name]} where the config says {shape}; "
                "config and weights must belong together"
            )
