"""Arrays and lists of strings on disk, and what is said where they are wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from hallmark.detect.stored import (
    floats,
    read_arrays,
    read_strings,
    rising_lengths,
    wholes,
    write_arrays,
    write_strings,
)

ARRAYS = {
    "small": np.arange(6, dtype=np.uint8).reshape(2, 3).T,
    "ids": np.arange(4, dtype=np.uint16),
    "lengths": np.array([64, 128]),
    "weights": np.array([[0.1, 1e300]]),
    "none": np.zeros(0, dtype=np.float32),
}


def test_arrays_keep_their_types_and_bits(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_arrays(path, ARRAYS)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    found = read_arrays(path)
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert found[name].tolist() == array.tolist()
    save_file({n: np.ascontiguousarray(a) for n, a in ARRAYS.items()}, tmp_path / "other")
    assert (tmp_path / "other").read_bytes() == path.read_bytes()


def test_arrays_outlive_their_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_arrays(path, ARRAYS)
    found = read_arrays(path)
    path.write_bytes(b"\0" * path.stat().st_size)
    assert found["lengths"].tolist() == [64, 128]


def test_shape_and_type_are_checked() -> None:
    assert floats(ARRAYS, "weights", (1, None)).dtype == np.float64
    assert wholes(ARRAYS, "ids", (4,)).dtype == np.int64
    for read, name, shape, message in (
        (floats, "gone", (1,), "the array gone is missing"),
        (floats, "weights", (None, 3), r"weights has shape \(1, 2\), not any x 3"),
        (floats, "weights", (2,), r"weights has shape \(1, 2\), not 2"),
        (floats, "none", (None,), r"none has shape \(0,\), not any"),
        (floats, "lengths", (2,), "lengths holds numbers of type int64"),
        (wholes, "weights", (1, 2), "weights holds numbers of type float64"),
    ):
        with pytest.raises(ValueError, match=message):
            read(ARRAYS, name, shape)


def test_strings_of_any_kind(tmp_path: Path) -> None:
    strings = ["", "caf\u00e9", "a\nb", '"', "\U0001f600"]
    write_strings(tmp_path / "s.json", strings)
    assert read_strings(tmp_path / "s.json") == strings


@pytest.mark.parametrize("value", [None, {}, [], ["64"], [64.0], [True], [0], [2, 2], [10**400]])
def test_lengths_that_are_none(value: object) -> None:
    with pytest.raises(ValueError, match="must be a list of rising whole numbers from 1"):
        rising_lengths(value, "lengths", least=1)
