"""Published files into an output set, and an output set into Parquet.

The files of gpt-2-output-dataset are copied as they are, once every line has been read; labels
come from their names, in `names.label_of`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from hallmark.data import load_pyarrow, write_atomically
from hallmark.models.sizes import MANIFEST
from hallmark.outputs.names import SPLITS, label_of, parse_name, practice_mark
from hallmark.outputs.outputset import OutputSet, describe, write_outputs
from hallmark.outputs.records import line_of, read_records

OnDocument = Callable[[int], None]
_ROWS = 1024


def import_outputs(
    paths: Sequence[Path], folder: Path, *, on_document: OnDocument = lambda _: None
) -> OutputSet:
    """Make an output set in `folder` of SOURCE.SPLIT.jsonl(.gz) or .parquet files, or folders.

    Run again after an interruption, it does all of it again. ValueError where a file is not in
    the published format, an id comes twice in a corpus, or `folder` holds something else.
    """
    found = find_files(paths)
    names = {f"{source}.{split}.jsonl": path for (source, split), path in found.items()}
    _check_free(folder, set(names))
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Any] = {}
    ids: dict[str, set[int]] = {}
    for (source, split), path in found.items():
        name = f"{source}.{split}.jsonl"
        lengths = _copy(path, folder / name, ids.setdefault(source, set()), on_document)
        files[name] = describe(folder / name, documents=len(lengths), tokens=sum(lengths))
    corpora = {
        source: {"label": label_of(source).name.lower()}
        for source in dict.fromkeys(source for source, _ in found)
    }
    return write_outputs(folder, corpora=corpora, files=files, kind="imported")


def find_files(paths: Sequence[Path]) -> dict[tuple[str, str], Path]:
    """Corpus files by (source, split), in order; folders are looked into, not below."""
    found: dict[tuple[str, str], Path] = {}
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path} is not there; give SOURCE.SPLIT.jsonl files")
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        files = [(file, parse_name(file.name)) for file in inside if file.is_file()]
        known = [(file, parsed) for file, parsed in files if parsed is not None]
        if not known:
            raise ValueError(
                f"{path} is or holds no corpus; its name must be SOURCE.SPLIT.jsonl, .jsonl.gz or "
                f".parquet, SPLIT one of {', '.join(SPLITS)}"
            )
        for file, (source, split, _) in known:
            other = found.setdefault((source, split), file)
            if other != file:
                raise ValueError(f"{other} and {file} are both {source}.{split}; give one")
    return dict(sorted(found.items(), key=lambda item: (item[0][0], SPLITS.index(item[0][1]))))


def practised(human: Path) -> dict[str, bool]:
    """`practice_mark` of the files of a folder."""
    return practice_mark(path.name for path in find_files([human]).values())


def _check_free(folder: Path, names: set[str]) -> None:
    """ValueError where the folder holds anything that an import of `names` would not make."""
    held = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if MANIFEST in held:
        raise ValueError(f"{folder} holds an output set; give a new folder")
    leftover = {name for name in held if name.startswith(".") and ".jsonl." in name}
    if other := held - names - leftover:
        raise ValueError(f"{folder} holds other files ({min(other)[:60]}); give a new folder")


def _copy(path: Path, target: Path, ids: set[int], on_document: OnDocument) -> list[int]:
    """Write a file's records as JSON lines, plain ones byte for byte; the length of each."""
    lengths = []
    plain = path.name.endswith(".jsonl")
    with write_atomically(target) as file:
        for number, record in enumerate(read_records(path), start=1):
            if record["id"] in ids:
                raise ValueError(f"{path}, record {number}: id {record['id']} stood before")
            ids.add(record["id"])
            lengths.append(record["length"])
            if not plain:
                file.write(line_of(record))
            on_document(1)
        if plain:
            with path.open("rb") as original:
                shutil.copyfileobj(original, file)
    return lengths


def export_parquet(
    outputs: OutputSet, folder: Path, *, on_document: OnDocument = lambda _: None
) -> OutputSet:
    """Write the same output set with Parquet files into a new folder."""
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty; give a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for part in outputs.parts:
        path = folder / f"{part.source}.{part.split}.parquet"
        _write_parquet(part.path, path, on_document)
        files[path.name] = describe(path, documents=part.documents, tokens=part.tokens)
    facts = {k: v for k, v in outputs.manifest.items() if k in ("kind", "run")}
    return write_outputs(folder, corpora=outputs.manifest["corpora"], files=files, **facts)


def _write_parquet(source: Path, target: Path, on_document: OnDocument) -> None:
    """One file, some rows at a time; the columns are those of its first rows."""
    arrow, parquet = load_pyarrow(target)
    groups = _groups(read_records(source))
    first = arrow.Table.from_pylist(next(groups, []))
    with write_atomically(target) as file, parquet.ParquetWriter(file, first.schema) as writer:
        writer.write_table(first)
        on_document(len(first))
        for rows in groups:
            writer.write_table(arrow.Table.from_pylist(rows, schema=first.schema))
            on_document(len(rows))


def _groups(records: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Records by the thousand."""
    while rows := list(islice(records, _ROWS)):
        yield rows
