"""Documents out of files: plain text, JSON lines, Parquet, and folders of them.

One document at a time, so that memory stays bounded whatever is read. Knows nothing of tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hallmark.data import (
    MissingField,
    bounded_lines,
    check_text,
    decode_utf8,
    read_jsonl_file,
    read_parquet_file,
)
from hallmark.lm.corpus.settings import Source

END_OF_TEXT = "<|endoftext|>"
_KINDS = ".txt, .jsonl, .jsonl.gz, .parquet"


def find_files(paths: Sequence[Path]) -> list[Path]:
    """The files that `paths` name, folders searched through, in a fixed order.

    FileNotFoundError where a path is not there; ValueError where one holds nothing to read.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and _reader(p))
            if not inside:
                raise ValueError(f"{path} holds no file to read; give one of {_KINDS}")
            files += inside
        elif not path.exists():
            raise FileNotFoundError(f"{path} is not there; give a file or folder of {_KINDS}")
        elif not _reader(path):
            raise ValueError(f"{path} is none of {_KINDS}; rename or convert it")
        else:
            files.append(path)
    if not files:
        raise ValueError(f"no file was given; give files or folders of {_KINDS}")
    return files


def documents(path: Path, source: Source) -> Iterator[str]:
    """The texts in one file, empty ones left out; ValueError names file, line and what is wrong."""
    reader = _reader(path)
    if reader is None:
        raise ValueError(f"{path} is none of {_KINDS}; rename or convert it")
    for text in reader(path, source):
        yield from (piece for piece in _cut(text, source.cut) if piece.strip())


def _reader(path: Path) -> Callable[[Path, Source], Iterator[str]] | None:
    name = path.name.lower()
    if name.endswith(".txt"):
        return _read_text
    if name.endswith((".jsonl", ".jsonl.gz")):
        return _read_json_lines
    return _read_parquet if name.endswith(".parquet") else None


def _read_text(path: Path, source: Source) -> Iterator[str]:
    """Plain text, in pieces of about `source.cut` characters, split at `<|endoftext|>` lines."""
    lines: list[str] = []
    length = 0
    with path.open("rb") as file:
        for number, line in enumerate(bounded_lines(file, name=str(path)), start=1):
            where = f"{path}, line {number}"
            text = check_text(decode_utf8(line, where=where), where=where)
            text = text.removeprefix("\ufeff") if number == 1 else text
            ends = text.strip() == END_OF_TEXT
            if lines and (ends or length + len(text) > source.cut):
                yield "".join(lines)
                lines, length = [], 0
            if not ends:
                lines.append(text)
                length += len(text)
    yield "".join(lines)


def _read_json_lines(path: Path, source: Source) -> Iterator[str]:
    for number, record in enumerate(read_jsonl_file(path), start=1):
        where = f'"{source.field}" of record {number} in {path}'
        if source.field not in record:
            found = ", ".join(list(record)[:8]) or "nothing"
            raise MissingField(
                f"{where} is missing (it has {found})", advice="--field names another key"
            )
        yield check_text(record[source.field], where=where)


def _read_parquet(path: Path, source: Source) -> Iterator[str]:
    for number, row in enumerate(read_parquet_file(path, [source.field]), start=1):
        yield check_text(row[source.field], where=f"{source.field!r}, row {number} of {path}")


def _cut(text: str, most: int) -> Iterator[str]:
    """`text` in pieces of at most `most` characters, each cut after a line where there is one."""
    start = 0
    while len(text) - start > most:
        end = text.rfind("\n", start, start + most) + 1
        if end <= start:
            end = start + most
        yield text[start:end]
        start = end
    yield text[start:]
