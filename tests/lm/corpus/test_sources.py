"""Documents out of files, and one clear line where a file is not what it should be."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from hallmark.lm.corpus.settings import Source
from hallmark.lm.corpus.sources import documents, find_files


def read(path: Path, **settings: object) -> list[str]:
    return list(documents(path, Source(**settings)))  # type: ignore[arg-type]


def test_text_is_split_where_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\ufeffone\ntwo\n<|endoftext|>\n\n<|endoftext|>\nthree")
    assert read(path) == ["one\ntwo\n", "three"]


def test_long_documents_are_cut_after_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("aaa\nbbb\nccc\n" + "d" * 25)
    assert read(path, cut=10) == ["aaa\nbbb\n", "ccc\n", "d" * 10, "d" * 10, "d" * 5]
    lines = tmp_path / "a.jsonl"
    lines.write_text(json.dumps({"text": path.read_text()}))
    assert "".join(read(lines, cut=10)) == path.read_text()


def test_json_lines_packed_or_not(tmp_path: Path) -> None:
    data = b'{"text": "one", "body": "eins"}\n\n{"text": "  "}\n{"text": "two"}\n'
    (tmp_path / "a.jsonl").write_bytes(data)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(data))
    assert read(tmp_path / "a.jsonl") == read(tmp_path / "b.jsonl.gz") == ["one", "two"]
    with pytest.raises(
        ValueError, match=r'"body" of record 2 in .*a.jsonl is missing .it has text.; --field'
    ):
        read(tmp_path / "a.jsonl", field="body")


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pyarrow.table({"body": [f"text {i}" for i in range(600)], "other": range(600)})
    pyarrow.parquet.write_table(table, path)
    assert read(path, field="body") == [f"text {i}" for i in range(600)]
    with pytest.raises(ValueError, match="has no column 'text', but body, other; use --field"):
        read(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="is not a whole Parquet file"):
        read(path)


def test_folders_are_searched_in_order(tmp_path: Path) -> None:
    for name in ("b.txt", "a/c.jsonl", "a/ignored.pdf", "z.txt.bak"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert find_files([tmp_path]) == [tmp_path / "a" / "c.jsonl", tmp_path / "b.txt"]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("missing.txt", FileNotFoundError, "missing.txt is not there"),
        ("a.pdf", ValueError, "a.pdf is none of .txt, .jsonl"),
        ("empty", ValueError, "empty holds no file to read"),
    ],
)
def test_what_cannot_be_read_is_named(
    name: str, error: type[Exception], message: str, tmp_path: Path
) -> None:
    (tmp_path / "a.pdf").write_text("x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(error, match=message):
        find_files([tmp_path / name])


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.txt", b"ok\n\xff\xfd", r"a.txt, line 2 is not UTF-8 at byte 0"),
        ("a.txt", b"ok\nno\0pe", "line 2 has a NUL"),
        ("a.jsonl", b'{"text": "ok"}\n{', "line 2 is not JSON"),
        ("a.jsonl", b'{"text": 1}', "is not a string"),
        (
            "a.jsonl.gz",
            gzip.compress(b'{"text": "ok"}\n' * 99, mtime=0)[:-12],
            "not a whole gzip file",
        ),
        ("a.jsonl.gz", b"plain", "not a whole gzip file"),
    ],
)
def test_damage_is_named(name: str, data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / name)


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="cut must be from 1"):
        Source(cut=0)
    with pytest.raises(ValueError, match="field must name"):
        Source(field="")
