"""Documents and labels, JSON lines in, and files written whole or not at all.

Knows nothing about models, detectors or where files are kept.
"""

from __future__ import annotations

import codecs
import gzip
import json
import math
import os
import secrets
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from filelock import FileLock, Timeout

LONGEST_LINE = 64 * 2**20  # bytes
LOCK = ".lock"


class MissingField(ValueError):
    """A record lacks the key or column that its text is in; `what` has no advice in it."""

    def __init__(self, what: str, *, advice: str = "use --field") -> None:
        super().__init__(f"{what}; {advice}")
        self.what = what


class Label(IntEnum):
    """Who wrote a text. A higher score is more synthetic, everywhere."""

    HUMAN = 0
    SYNTHETIC = 1


@dataclass(frozen=True)
class Document:
    """One text and what is known about it.

    `source` is a corpus in the release's vocabulary (`webtext`, `xl-1542M-k40` ...), `length`
    is in tokens, and `ended` says whether a model closed its text with `<|endoftext|>`.
    """

    id: str
    text: str
    label: Label | None = None
    source: str = ""
    prompt: str = ""
    length: int | None = None
    ended: bool | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def read_jsonl(lines: Iterable[bytes], *, name: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON object on each line as it is read; blank lines are passed over.

    ValueError names `name`, the line's number and what is wrong with it: not UTF-8, not JSON
    (`NaN` is not), or not an object. Everything before that line has been yielded by then.
    """
    for number, line in enumerate(lines, start=1):
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if line.strip():
            yield json_object(line, where=f"{name}, line {number}")


def read_jsonl_file(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file of JSON lines, packed by gzip where its name ends in .gz.

    ValueError as for `read_jsonl`, for a line too long for the memory, and for a gzip file that
    is none or is cut short.
    """
    packed = path.name.lower().endswith(".gz")
    with path.open("rb") as raw, closing(gzip.GzipFile(fileobj=raw) if packed else raw) as file:
        try:
            yield from read_jsonl(bounded_lines(file, name=str(path)), name=str(path))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path} is not a whole gzip file ({error}); fetch it again") from None


def read_parquet_file(path: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file as they are read, only `columns` of them where given.

    ValueError where pyarrow is missing, a column is, or the file is not whole.
    """
    arrow, parquet = load_pyarrow(path)
    try:
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            for column in columns or ():
                if column not in names:
                    found = ", ".join(names[:8])
                    raise MissingField(f"{path} has no column {column!r}, but {found}")
            for batch in file.iter_batches(batch_size=256, columns=columns):
                yield from batch.to_pylist()
    except arrow.ArrowInvalid as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path} is not a whole Parquet file ({reason}); fetch it again") from None


def load_pyarrow(path: Path) -> tuple[Any, Any]:
    """pyarrow and its Parquet module; ValueError says how to get them."""
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ModuleNotFoundError:
        raise ValueError(
            f"{path} needs pyarrow; install hallmark[parquet], or convert it to .jsonl"
        ) from None
    return pyarrow, parquet


def bounded_lines(file: BinaryIO | gzip.GzipFile, *, name: str) -> Iterator[bytes]:
    """The lines of a file; ValueError where one is so long that it could fill the memory."""
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise ValueError(f"{name} has a line over {LONGEST_LINE >> 20} MiB; split it")
        yield line


def json_object(line: bytes, *, where: str) -> dict[str, Any]:
    """The JSON object that a line holds; ValueError says what is wrong with it."""
    try:
        value = json.loads(decode_utf8(line, where=where), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{where} is not JSON ({error.msg} at character {error.pos + 1}); "
            "give one JSON object a line"
        ) from None
    except RecursionError:
        raise ValueError(
            f"{where} is nested too deeply; give one flat JSON object a line"
        ) from None
    except ValueError as error:
        message = str(error)
        if not message.startswith(where):
            message = f"{where} is not JSON that can be read ({message}); correct it"
        raise ValueError(message) from None
    if not isinstance(value, dict):
        raise ValueError(f'{where} is not a JSON object; give one such as {{"text": "..."}}')
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def finite(value: Any) -> Any:
    """The value as JSON has it: null for numbers that are not finite, lists for tuples."""
    if isinstance(value, Mapping):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def decode_utf8(data: bytes, *, where: str) -> str:
    """The text that `data` holds; ValueError says at which byte it stops being UTF-8."""
    refuse_utf16(data, where=where)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{where} is not UTF-8 at byte {error.start} (0x{data[error.start]:02x}); "
            "save it as UTF-8"
        ) from None


def refuse_utf16(data: bytes, *, where: str) -> None:
    """ValueError where `data` begins as files in UTF-16 do, with the way to convert them."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError(
            f"{where} is in UTF-16; save it as UTF-8 (`iconv -f UTF-16 -t UTF-8 OLD > NEW`)"
        )


def check_text(value: object, *, where: str) -> str:
    """`value` as a text that can be judged; ValueError where it is none.

    Refuses anything but a string, NUL (no text holds it; files that do are not text), and lone
    surrogates (JSON can spell them, UTF-8 cannot).
    """
    if not isinstance(value, str):
        raise ValueError(f"{where} is not a string; give text")
    nul = value.find("\0")
    if nul >= 0:
        raise ValueError(f"{where} has a NUL at character {nul}; give plain text")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{where} has half a surrogate pair at character {error.start}; give valid Unicode"
        ) from None
    return value


@contextmanager
def write_atomically(path: Path, *, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A new file beside `path` that takes its name once it is whole and on disk. mode: who may use
    it, less what the umask takes.

    Whatever goes wrong inside the block, `path` stays as it was and nothing is left beside it.
    """
    fresh = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}")
    try:
        with open(fresh, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException as error:
        fresh.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # a full disk does not say what it had no room for
        raise
    _flush_folder(path.parent)


@contextmanager
def held(lock: Path) -> Iterator[bool]:
    """Hold a lock file while in the block; False, at once, where somebody else does."""
    own = FileLock(lock)
    try:
        own.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        own.release()


@contextmanager
def claimed(folder: Path, *, lock: str = LOCK) -> Iterator[None]:
    """Hold `folder` (made where it is not there) for one run; ValueError where another has it.

    lock: the file that is locked, in the folder or below it. What then leaves nothing beside a lock
    in the folder itself, because it was refused, leaves no folder either.
    """
    made = not folder.exists()
    (folder / lock).parent.mkdir(parents=True, exist_ok=True)
    with held(folder / lock) as mine:
        if not mine:
            raise ValueError(
                f"another run is at work in {folder}; wait for it, or give another --out"
            )
        try:
            yield
        finally:
            if [path.name for path in folder.iterdir()] == [lock]:
                (folder / lock).unlink()
                if made:
                    with suppress(OSError):
                        folder.rmdir()


def _flush_folder(folder: Path) -> None:
    """Make a rename survive a power cut; folders cannot be opened on some systems."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
