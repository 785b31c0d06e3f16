"""Reading texts and JSON lines: bounded, strict, and no sooner or later than they come."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hallmark.cli import inputs
from hallmark.cli.inputs import BadLine, LineReader, Record, read_text, record_groups, whole


def write_lines(path: Path, records: list[object]) -> str:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return str(path)


def test_a_text_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfna\xc3\xafve\n")
    assert read_text(str(path)) == "naïve\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty; give some text"),
        (b" \n\t", "is empty; give some text"),
        (b"abc\xffdef", r"is not UTF-8 at byte 3 \(0xff\); save it as UTF-8"),
        (b"abc\xe2\x82", "is not UTF-8 at byte 3"),
        (b"ab\0cd", "has a NUL at byte 2"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read_text(str(path))


def test_a_text_has_a_longest_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "LONGEST", 10)
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 11)
    with pytest.raises(ValueError, match="is longer than"):
        read_text(str(path))


def test_lines_come_back_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"\n".join(b"x" * (i % 7) for i in range(200))
    for block in (1, 2, 3, 64, 10_000):
        monkeypatch.setattr(inputs, "_BLOCK", block)
        for ending in (b"", b"\n", b"\n\n"):
            lines = list(LineReader(io.BytesIO(data + ending), name="x"))  # type: ignore[arg-type]
            assert b"\n".join(lines).rstrip(b"\n") == (data + ending).rstrip(b"\n")


def test_a_line_has_a_longest_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "LONGEST", 100)
    monkeypatch.setattr(inputs, "_BLOCK", 16)
    reader = iter(LineReader(io.BytesIO(b"ab\ncd\n" + b"x" * 101), name="in"))  # type: ignore[arg-type]
    assert [next(reader), next(reader)] == [b"ab", b"cd"]
    with pytest.raises(ValueError, match="in, line 3 is longer than"):
        next(reader)


def test_records_have_an_id_of_their_own_or_their_number(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in", [{"text": "a", "id": "x"}, {"text": "b"}])
    assert list(record_groups(source)) == [[Record("x", "a"), Record(2, "b")]]


def test_the_first_field_that_a_record_has_is_its_text(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in", [{"text": "a", "prompt": "p"}, {"text": "b"}])
    (group,) = record_groups(source, fields=("prompt", "text"))
    assert [record.text for record in group] == ["p", "b"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (b'{"other": 1}\n', 'line 3 has no "text"'),
        (b'{"text": 1}\n', '"text" of .*line 3 is not a string'),
        (b'{"text": "a\\u0000"}\n', "line 3 has a NUL at character 1"),
        (b"oops\n", "line 3 is not JSON"),
    ],
)
def test_a_bad_line_keeps_its_place(tmp_path: Path, bad: bytes, message: str) -> None:
    path = tmp_path / "in"
    path.write_bytes(b'{"text": "a"}\n\n' + bad + b'{"text": "c"}\n')
    first, line, last = (line for group in record_groups(str(path)) for line in group)
    assert (first, last) == (Record(1, "a"), Record(3, "c"))
    assert isinstance(line, BadLine)
    assert (line.id, line.line) == (2, 3)
    assert re.search(message, line.error)
    with pytest.raises(ValueError, match=message):
        whole(line)


def test_a_bad_line_has_its_own_id_where_it_can_be_read(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in", [{"id": "x", "text": 3}])
    ((line,),) = record_groups(source)
    assert line.id == "x"


def test_lines_in_utf16_end_the_run(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes('{"text": "a"}\n'.encode("utf-16"))
    with pytest.raises(ValueError, match="in is in UTF-16; save it as UTF-8"):
        list(record_groups(str(path)))


def test_groups_stay_small(tmp_path: Path) -> None:
    many = write_lines(tmp_path / "many", [{"text": "x"}] * 100)
    assert max(map(len, record_groups(many))) == inputs._GROUP_RECORDS
    long = write_lines(tmp_path / "long", [{"text": "x" * inputs._GROUP_CHARACTERS}] * 3)
    assert [len(group) for group in record_groups(long)] == [1, 1, 1]


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The end of a pipe whose other end is standard input."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "r", encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield writing


def test_a_record_is_handed_out_before_the_next_is_written(pipe: int) -> None:
    groups = record_groups("-")
    for text in ("first", "second"):
        os.write(pipe, json.dumps({"text": text}).encode() + b"\n")
        assert [record.text for record in next(groups)] == [text]
    os.close(pipe)
    assert list(groups) == []
