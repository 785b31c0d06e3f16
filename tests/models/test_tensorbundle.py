"""The bundle reader alone: types, and tables that lie with every checksum right."""

from __future__ import annotations

import google_crc32c
import numpy as np
import pytest

from hallmark.models.tensorbundle import Bundle, bundle_name

SHARD = "b.data-00000-of-00001"


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {f"scope/variable{i}/w": rng.normal(size=(3, i + 1)).astype("f4") for i in range(40)}


def test_types_and_many_blocks(write_bundle, arrays, tmp_path):
    arrays["half"] = arrays["scope/variable3/w"].astype(np.float16)
    arrays["brain"] = (arrays["scope/variable3/w"].view(np.uint32) >> 16).astype(np.uint16)
    arrays["none"] = np.empty((0, 7), np.float32)
    arrays["scalar"] = np.array(2.5, np.float32)
    write_bundle(tmp_path / "b", arrays, per_block=7, shards=2)
    bundle = Bundle(tmp_path / "b")
    assert bundle.entries.keys() == arrays.keys()
    for name, array in arrays.items():
        read = bundle.read(name)
        assert read.dtype == np.float32
        assert read.shape == array.shape
        if name == "brain":
            np.testing.assert_allclose(read, arrays["scope/variable3/w"], rtol=2**-7)
        else:
            np.testing.assert_array_equal(read, array.astype(np.float32))


def test_the_checksum_is_crc32c():
    assert google_crc32c.value(b"123456789") == 0xE3069283


@pytest.mark.parametrize(
    ("dtype", "shape", "offset", "size", "message"),
    [
        ("float32", (3, 4), 0, 48, None),
        ("float32", (3, 4), 1, 48, "ends outside its data file of 48 bytes"),
        ("float32", (3, 4), 2**62, 48, "ends outside"),
        ("float32", (3, 4), 0, 2**62, "ends outside"),
        ("float32", (3, 5), 0, 48, r"of shape \(3, 5\) has 48 bytes"),
        ("float32", (2**39, 2**39), 0, 48, "has 48 bytes"),
        ("float32", (2**63,), 0, 48, "a dimension is out of range"),
        ("float32", (3, 4), 0, 44, "has 44 bytes"),
    ],
)
def test_entries_that_lie_are_refused(
    write_bundle, monkeypatch, tmp_path, dtype, shape, offset, size, message
):
    write = write_bundle.__globals__
    honest = write["entry"]

    def lying(code, _shape, shard, _offset, data):
        whole = honest(code, shape, shard, offset, data)
        true, told = b"\x28" + write["varint"](len(data)), b"\x28" + write["varint"](size)
        return whole.replace(true, told)

    monkeypatch.setitem(write, "entry", lying)
    array = np.arange(12, dtype=dtype).reshape(3, 4)
    write_bundle(tmp_path / "b", {"w": array})
    if message is None:
        np.testing.assert_array_equal(Bundle(tmp_path / "b").read("w"), array)
        return
    with pytest.raises(ValueError, match=message):
        Bundle(tmp_path / "b").read("w")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"\x08\x00", "has 0 data files"),
        (b"\x08\xff\xff\xff\xff\x0f", "data files"),
        (b"\x08\x01\x10\x01", "big-endian"),
        (b"\x0a\x01", "not a protocol buffer"),
        (b"\x08" + b"\xff" * 11, "a number has no end"),
        (None, "it has no header"),
    ],
)
def test_headers_that_lie_are_refused(write_bundle, tmp_path, header, message):
    write = write_bundle.__globals__
    entries = {} if header is None else {b"": header}
    (tmp_path / "b.index").write_bytes(write["table"](entries, per_block=5))
    (tmp_path / SHARD).write_bytes(b"")
    with pytest.raises(ValueError, match=message):
        Bundle(tmp_path / "b")


def test_compressed_blocks_and_partitioned_variables_are_refused(write_bundle, tmp_path):
    write = write_bundle.__globals__
    (tmp_path / SHARD).write_bytes(b"")
    partitioned = {b"": b"\x08\x01", b"w": b"\x08\x01\x3a\x00"}
    (tmp_path / "b.index").write_bytes(write["table"](partitioned, per_block=5))
    with pytest.raises(ValueError, match="a field 7, which is not supported"):
        Bundle(tmp_path / "b")
    data = bytearray(write["table"]({b"": b"\x08\x01"}, per_block=5))
    end = len(write["block"]([(b"", b"\x08\x01")])) - 5
    data[end] = 1
    data[end + 1 : end + 5] = write["masked"](bytes(data[: end + 1]))
    (tmp_path / "b.index").write_bytes(data)
    with pytest.raises(ValueError, match=r"compressed \(type 1\)"):
        Bundle(tmp_path / "b")


def test_missing_empty_and_huge_files(write_bundle, arrays, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"b\.index is missing"):
        Bundle(tmp_path / "b")
    (tmp_path / "b.index").write_bytes(b"")
    with pytest.raises(ValueError, match="does not end as a table does"):
        Bundle(tmp_path / "b")
    write_bundle(tmp_path / "b", arrays)
    with (tmp_path / "b.index").open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(ValueError, match="is longer than"):
        Bundle(tmp_path / "b")


def test_the_name_in_a_checkpoint_file():
    assert bundle_name(b'model_checkpoint_path: "model.ckpt-80"\nall: "x"\n') == "model.ckpt-80"
    with pytest.raises(ValueError, match="names no"):
        bundle_name(b'all_model_checkpoint_paths: "model.ckpt"\n')
