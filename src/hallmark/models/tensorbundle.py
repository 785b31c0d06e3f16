"""TensorFlow's tensor bundles, read in NumPy without TensorFlow.

A bundle is PREFIX.index, a LevelDB table from tensor names to entries (shape, type, place,
checksum), and PREFIX.data-00000-of-00001 and so on, which hold the bytes. Every block of the
table and every tensor is checked by its CRC32C. Formats: tensorflow/core/lib/io/format.cc,
tensorflow/core/protobuf/tensor_bundle.proto. Knows nothing of GPT-2.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from hallmark.models.folder import read_bytes

_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_FOOTER = 48
_ITEM_SIZE = {1: 4, 14: 2, 19: 2}  # DT_FLOAT, DT_BFLOAT16, DT_HALF
_MOST_SHARDS = 1_000
_CHUNK = 2**20


@dataclass(frozen=True)
class Entry:
    """Where a tensor is: `crc` is the masked CRC32C of its bytes."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc: int


class Bundle:
    """One bundle, its index read and checked: `entries` by tensor name, `read` for the bytes.

    ValueError or FileNotFoundError where the bundle is damaged, incomplete or uses what
    checkpoints of GPT-2 do not (compression, partitioned variables, big-endian numbers).
    """

    def __init__(self, prefix: Path) -> None:
        self.path = prefix.with_name(prefix.name + ".index")
        data = read_bytes(self.path)
        try:
            table = dict(_table(data))
            self.shards = _shards(table.pop(b""))
            self.entries = {key.decode("utf-8"): _entry(value) for key, value in table.items()}
        except KeyError:
            raise self._damaged("it has no header") from None
        except (ValueError, IndexError) as error:
            raise self._damaged(str(error)) from None
        self._maps = [self._map(prefix, shard) for shard in range(self.shards)]
        for name, entry in self.entries.items():
            self._check(name, entry)

    def read(self, name: str) -> NDArray[np.float32]:
        """The tensor in float32, its CRC32C checked."""
        entry = self.entries[name]
        data = self._maps[entry.shard][entry.offset : entry.offset + entry.size]
        if _masked_crc(data) != entry.crc:
            raise self._damaged(f"the bytes of {name} do not match their checksum")
        if entry.dtype == 14:  # bfloat16: the upper half of a float32
            wide = data.view("<u2").astype(np.uint32) << 16
            return wide.view(np.float32).reshape(entry.shape)
        stored = "<f4" if entry.dtype == 1 else "<f2"
        return data.view(stored).astype(np.float32).reshape(entry.shape)

    def _damaged(self, what: str) -> ValueError:
        return ValueError(f"{self.path} is not a whole checkpoint: {what}; fetch it again")

    def _map(self, prefix: Path, shard: int) -> NDArray[np.uint8]:
        path = prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{self.shards:05d}")
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; fetch the checkpoint again")
        if path.stat().st_size == 0:
            return np.empty(0, dtype=np.uint8)
        return np.memmap(path, dtype=np.uint8, mode="r")

    def _check(self, name: str, entry: Entry) -> None:
        if entry.shard >= self.shards:
            raise self._damaged(f"{name} is in shard {entry.shard} of {self.shards}")
        held = len(self._maps[entry.shard])
        if entry.offset + entry.size > held:
            raise self._damaged(f"{name} ends outside its data file of {held} bytes")
        width = _ITEM_SIZE.get(entry.dtype)
        if width is not None and math.prod(entry.shape) * width != entry.size:
            raise self._damaged(f"{name} of shape {entry.shape} has {entry.size} bytes")


def _masked_crc(data: bytes | NDArray[np.uint8]) -> int:
    crc = 0
    for start in range(0, len(data), _CHUNK):
        crc = google_crc32c.extend(crc, bytes(data[start : start + _CHUNK]))
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


# The table: blocks of sorted keys, found through an index block, found through the footer.


def _table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if len(data) < _FOOTER or not data.endswith(_MAGIC):
        raise ValueError("it does not end as a table does")
    footer = data[-_FOOTER:]
    _, at = _handle(footer, 0)  # the meta-index, which bundles leave empty
    index, _ = _handle(footer, at)
    last = None
    for _, value in _block(data, index):
        place, _ = _handle(value, 0)
        for key, entry in _block(data, place):
            if last is not None and key <= last:
                raise ValueError("its keys are not in order")
            last = key
            yield key, entry


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    offset, at = _varint(data, at)
    size, at = _varint(data, at)
    return (offset, size), at


def _block(data: bytes, place: tuple[int, int]) -> Iterator[tuple[bytes, bytes]]:
    offset, size = place
    end = offset + size
    if size < 4 or end + 5 > len(data) - _FOOTER:
        raise ValueError("a block lies outside the file")
    if _masked_crc(data[offset : end + 1]) != int.from_bytes(data[end + 1 : end + 5], "little"):
        raise ValueError("a block does not match its checksum")
    if data[end]:
        raise ValueError(f"a block is compressed (type {data[end]}), which is not supported")
    restarts = int.from_bytes(data[end - 4 : end], "little")
    at, stop = offset, end - 4 * (restarts + 1)
    key = b""
    while at < stop:
        shared, at = _varint(data, at)  # bytes that the key has in common with the last one
        rest, at = _varint(data, at)
        length, at = _varint(data, at)
        if shared > len(key) or at + rest + length > stop:
            raise ValueError("an entry reaches outside its block")
        key = key[:shared] + data[at : at + rest]
        at += rest
        yield key, data[at : at + length]
        at += length


# Protocol buffers, as far as an entry needs them.


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number has no end")


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        width = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            width, at = _varint(data, at)
        if width is None or at + width > len(data):
            raise ValueError("an entry is not a protocol buffer")
        chunk = data[at : at + width]
        at += width
        yield tag >> 3, chunk if kind == 2 else int.from_bytes(chunk, "little")


def _shards(header: bytes) -> int:
    fields = dict(_fields(header))
    if fields.get(2, 0) != 0:
        raise ValueError("it is big-endian, which is not supported")
    shards = fields.get(1, 0)
    if not isinstance(shards, int) or not 1 <= shards <= _MOST_SHARDS:
        raise ValueError(f"it has {shards!r} data files")
    return shards


def _entry(data: bytes) -> Entry:
    numbers = {1: 0, 3: 0, 4: 0, 5: 0, 6: 0}  # dtype, shard, offset, size, crc
    shape: tuple[int, ...] = ()
    for field, value in _fields(data):
        if field == 2 and isinstance(value, bytes):
            shape = tuple(_dimension(d) for f, d in _fields(value) if f == 2)
        elif field in numbers and isinstance(value, int):
            numbers[field] = value
        else:
            raise ValueError(f"an entry has a field {field}, which is not supported")
    return Entry(numbers[1], shape, numbers[3], numbers[4], numbers[5], numbers[6])


def _dimension(data: int | bytes) -> int:
    if not isinstance(data, bytes):
        raise ValueError("a dimension is not a protocol buffer")
    size = dict(_fields(data)).get(1, 0)
    if not isinstance(size, int) or size > 2**40:
        raise ValueError("a dimension is out of range")
    return size


def bundle_name(checkpoint: bytes) -> str:
    """The bundle that a `checkpoint` file names; ValueError where it is not a plain file name."""
    found = re.search(rb'^model_checkpoint_path: "([\w.-]{1,200})"\s*$', checkpoint, re.MULTILINE)
    if found is None:
        raise ValueError("names no model_checkpoint_path beside it")
    return found.group(1).decode("ascii")
