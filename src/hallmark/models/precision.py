"""In which precision a network's matrices are held: the names, and the choice of one.

Plain data without PyTorch, so that the command line reads it at no cost; the arithmetic is in
`matrices`.
"""

from __future__ import annotations

from enum import StrEnum

AUTO = "auto"
SMALL = 30_000_000  # parameters; below it a network is fast in any precision, compiled or not


class Precision(StrEnum):
    """How the matrices are held; norms, biases and positions are float32 in all of them.

    FLOAT32 is the reference. BF16 rounds weights and the inputs of products to 8 bits of
    mantissa. INT8 holds a weight in one byte with one scale for each output, and rounds the
    inputs of a product to one byte with one scale for each row. INT4 holds a weight in 4 bits
    with a multiplier for each 32 of them, and is INT8 in all else.
    """

    FLOAT32 = "float32"
    BF16 = "bf16"
    INT8 = "int8"
    INT4 = "int4"


REFERENCE = str(Precision.FLOAT32)
CHOICES = (AUTO, *(str(p) for p in Precision))


def choose_precision(
    name: str, *, device: str, parameters: int, stored: Precision | None = None
) -> Precision:
    """The precision called `name`; "auto" takes one by the device, the network's size and the
    precision that its folder has `stored`.

    On a CPU: int4 where that is stored, whose loss there is anyway; else float32 below 30 million
    parameters, where nothing is gained, and int8 above. On other devices bf16. ValueError for
    another name, or for int8 and int4 where the device is no CPU.
    """
    on_cpu = device.partition(":")[0] == "cpu"
    if name == AUTO:
        if not on_cpu:
            return Precision.BF16
        if stored == Precision.INT4:
            return stored
        return Precision.FLOAT32 if parameters < SMALL else Precision.INT8
    if name not in CHOICES:
        raise ValueError(f"no precision is called {name[:40]!r}; use one of {', '.join(CHOICES)}")
    if not on_cpu and name in (Precision.INT8, Precision.INT4):
        raise ValueError(f"{name} is for CPUs, not for {device}; use bf16")
    return Precision(name)
