"""Labels, JSON lines, and files that are written whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallmark.data import (
    Document,
    Label,
    check_text,
    claimed,
    decode_utf8,
    held,
    read_jsonl,
    write_atomically,
)


def test_a_synthetic_text_is_one() -> None:
    assert (Label.HUMAN, Label.SYNTHETIC) == (0, 1)


def test_a_document_is_frozen() -> None:
    document = Document("1", "text")
    with pytest.raises(dataclasses.FrozenInstanceError):
        document.text = "other"  # type: ignore[misc]


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none())))
def test_json_lines_come_back_as_they_were(records: list[dict[str, object]]) -> None:
    lines = [json.dumps(record).encode() + b"\n" for record in records]
    assert list(read_jsonl(lines, name="x")) == records


def test_blank_lines_are_passed_over_and_counted() -> None:
    lines = [b"\n", b'{"a": 1}\r\n', b"  \n", b"oops\n"]
    records = read_jsonl(lines, name="in.jsonl")
    assert next(records) == {"a": 1}
    with pytest.raises(ValueError, match=r"in\.jsonl, line 4 is not JSON"):
        next(records)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"[1]", "line 1 is not a JSON object"),
        (b"{", "line 1 is not JSON"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": "\xff"}', "line 1 is not UTF-8 at byte 7"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "line 1 is not JSON that can be read"),
    ],
)
def test_a_bad_line_is_named(line: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(read_jsonl([line], name="in"))


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert list(read_jsonl([b'\xef\xbb\xbf{"a": 1}'], name="x")) == [{"a": 1}]


def test_what_is_not_utf8_is_said_by_its_offset() -> None:
    with pytest.raises(ValueError, match=r"note is not UTF-8 at byte 2 \(0xff\)"):
        decode_utf8(b"ab\xffcd", where="note")


@pytest.mark.parametrize(
    ("value", "message"),
    [(1, "not a string"), ("a\0b", "NUL at character 1"), ("a\ud800", "half a surrogate pair")],
)
def test_what_is_no_text_is_refused(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_text(value, where="it")


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for data in (b"old", b"new"):
        with write_atomically(path) as file:
            file.write(data)
        assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["file"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("failure", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failed_write_leaves_what_was_there(tmp_path: Path, failure: BaseException) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write_half() -> None:
        with write_atomically(path) as file:
            file.write(b"half of the ne")
            raise failure

    with pytest.raises(type(failure)):
        write_half()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    with held(tmp_path / "own") as mine, held(tmp_path / "own") as theirs:
        assert (mine, theirs) == (True, False)
    with held(tmp_path / "own") as mine:
        assert mine


def test_a_folder_is_made_and_claimed_by_one_run(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    with claimed(folder, lock="inside/lock"):
        assert (folder / "inside" / "lock").is_file()
        said = f"another run is at work in {folder}; wait for it"
        with pytest.raises(ValueError, match=said), claimed(folder, lock="inside/lock"):
            pass
    with claimed(folder, lock="inside/lock"):
        pass
