"""Texts in files that people have: txt, md, csv, jsonl, docx, pdf.

docx and pdf are read by a process of their own with a limit on time and memory, because a file
may be made to exhaust whoever reads it. `python -m hallmark.web.files KIND` is that process.
"""

from __future__ import annotations

import asyncio
import codecs
import csv
import io
import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from xml.etree import ElementTree

from hallmark.data import check_text, decode_utf8, read_jsonl

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_UNPACKED = 64 * 2**20
_PAGES = 500
_MEMORY = 2**30
_SECONDS = 20
_COLUMNS = ("text", "content", "body", "document")
Texts = Iterator[tuple[str, str]]  # name within the file, text


def kind_of(name: str) -> str:
    """The kind of a file by its name; ValueError lists the kinds."""
    kind = name.rpartition(".")[2].lower()
    if kind not in KINDS:
        raise ValueError(f"files may be {', '.join(KINDS)}; this one is none of them")
    return kind


async def texts_in(name: str, data: bytes) -> list[tuple[str, str]]:
    """Every text in a file, with its place there; ValueError says what is wrong with the file."""
    kind = kind_of(name)
    if kind in ALONE:
        return [("", await _alone(kind, data))]
    return await asyncio.to_thread(lambda: list(KINDS[kind](data)))


async def _alone(kind: str, data: bytes) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hallmark.web.files", kind, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        out, _ = await asyncio.wait_for(process.communicate(data), _SECONDS)
    except TimeoutError:
        raise ValueError("the file took too long to read; give its text") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        found = json.loads(out)
    except ValueError:
        raise ValueError(f"this {kind} cannot be read; give its text") from None
    if "error" in found:
        raise ValueError(found["error"])
    return check_text(found["text"], where=f"the text in this {kind}")


def _plain(data: bytes) -> Texts:
    data = data.removeprefix(codecs.BOM_UTF8)
    yield "", check_text(decode_utf8(data, where="the file"), where="the file")


def _json_lines(data: bytes) -> Texts:
    for number, record in enumerate(read_jsonl(data.splitlines(), name="the file"), start=1):
        text = next((record[key] for key in _COLUMNS if key in record), None)
        yield str(record.get("id", number)), check_text(text, where=f'line {number}, "text",')


def _csv(data: bytes) -> Texts:
    lines = io.StringIO(decode_utf8(data.removeprefix(codecs.BOM_UTF8), where="the file"))
    try:
        rows = [row for row in csv.reader(lines) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise ValueError(f"the file is not CSV ({error})") from None
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    named = next((header.index(name) for name in _COLUMNS if name in header), None)
    for number, row in enumerate(rows if named is None else rows[1:], start=1):
        cell = max(row, key=len) if named is None else (row[named : named + 1] or [""])[0]
        yield f"row {number}", check_text(cell, where=f"row {number}")


def _docx(data: bytes) -> Texts:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        member = archive.getinfo("word/document.xml")
        if member.file_size > _UNPACKED:
            raise ValueError("the file is too large once it is unpacked")
        with archive.open(member) as file:
            xml = file.read(_UNPACKED + 1)
    if len(xml) > _UNPACKED or b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
        raise ValueError("the file does not hold a plain document")
    root = ElementTree.fromstring(xml)
    paragraphs = ("".join(_runs(p)) for p in root.iter(f"{_WORD}p"))
    yield "", re.sub(r"\n{3,}", "\n\n", "\n\n".join(paragraphs)).strip()


def _runs(paragraph: ElementTree.Element) -> Iterator[str]:
    for node in paragraph.iter():
        if node.tag == f"{_WORD}t":
            yield node.text or ""
        elif node.tag in (f"{_WORD}tab", f"{_WORD}br"):
            yield " "


def _pdf(data: bytes) -> Texts:
    from pypdf import PdfReader

    pages = PdfReader(io.BytesIO(data)).pages[:_PAGES]
    text = "\n".join(page.extract_text() for page in pages)
    if not text.strip():
        raise ValueError("the pdf holds no text (scanned pages?); give its text")
    joined = re.sub(r"(\w)-\n(\w)", r"\1\2", text.replace("\0", ""))
    yield "", joined.encode("utf-8", "replace").decode().strip()


KINDS: dict[str, Callable[[bytes], Texts]] = {
    "txt": _plain, "md": _plain, "jsonl": _json_lines, "csv": _csv, "docx": _docx, "pdf": _pdf,
}  # fmt: skip
ALONE = ("docx", "pdf")


def main(kind: str) -> None:
    """Read one file from standard input, print its text as JSON."""
    _bound()
    data = sys.stdin.buffer.read()
    try:
        answer = {"text": next(KINDS[kind](data))[1]}
    except ValueError as error:
        answer = {"error": str(error)}
    except Exception:  # whatever a reader makes of a damaged file
        answer = {"error": f"this is not a {kind} that can be read; give its text"}
    print(json.dumps(answer))


def _bound() -> None:
    """Limit this process's memory and time, where the system can."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))


if __name__ == "__main__":
    main(sys.argv[1])
