"""Published files in, Parquet out: the same documents, and labels by the files' names."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from hallmark.data import Label
from hallmark.outputs.imports import export_parquet, import_outputs
from hallmark.outputs.outputset import OutputSet, open_outputs
from hallmark.outputs.verify import verify


def published(folder: Path, name: str, ids: range) -> bytes:
    """A file as the release's: these four fields, in this order."""
    records = [
        {"id": i, "ended": i % 3 == 0, "length": i % 7, "text": f"na\u00efve \u2028 {i}"}
        for i in ids
    ]
    data = "".join(f"{json.dumps(record)}\n" for record in records).encode()
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    return data


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "release"
    for source in ("webtext", "xl-1542M-k40"):
        published(folder, f"{source}.train.jsonl", range(0, 1500))
        published(folder, f"{source}.valid.jsonl", range(1500, 1510))
    (folder / "README.md").write_text("about")
    return folder


def test_published_files_become_an_output_set(release: Path, tmp_path: Path) -> None:
    made = import_outputs([release], tmp_path / "set")
    assert made.sources == ("webtext", "xl-1542M-k40")
    for part in made.parts:
        assert part.path.read_bytes() == (release / part.path.name).read_bytes()
    assert [part.documents for part in made.parts] == [1500, 10] * 2
    texts, labels = made.texts(["webtext", "xl-1542M-k40"], "valid")
    assert labels == [Label.HUMAN] * 10 + [Label.SYNTHETIC] * 10
    assert texts[1] == "na\u00efve \u2028 1501"
    assert verify(made).problems == []
    document = next(made.documents("webtext", "train"))
    assert (document.id, document.ended, document.length) == ("0", True, 0)
    assert dict(document.metadata) == {}


def test_parquet_and_gzip_hold_the_same_documents(release: Path, tmp_path: Path) -> None:
    made = import_outputs([release], tmp_path / "set")
    packed = export_parquet(made, tmp_path / "parquet")
    assert sorted(os.listdir(packed.folder))[-1] == "xl-1542M-k40.valid.parquet"
    assert verify(packed).problems == []
    zipped = tmp_path / "zipped"
    zipped.mkdir()
    for part in made.parts:
        (zipped / f"{part.path.name}.gz").write_bytes(gzip.compress(part.path.read_bytes()))
    for other in (packed.folder, zipped):
        again = import_outputs([other], tmp_path / f"again-{other.name}")
        for part in made.parts:
            found = list(again.documents(part.source, part.split))
            assert found == list(made.documents(part.source, part.split))


def test_a_built_set_survives_parquet(whole: OutputSet, tmp_path: Path) -> None:
    packed = export_parquet(whole, tmp_path / "parquet")
    assert verify(packed).problems == []
    back = import_outputs([packed.folder], tmp_path / "back")
    assert [p.sha256 for p in back.parts] == [
        whole.part(p.source, p.split).sha256 for p in back.parts
    ]
    with pytest.raises(ValueError, match="is not empty"):
        export_parquet(whole, packed.folder)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": 0, "ended": true, "length": 1}', '"text" of .*record 2 must be str'),
        ('{"id": "0", "ended": true, "length": 1, "text": ""}', '"id" of .* must be int'),
        ('{"id": 5, "ended": 1, "length": 1, "text": ""}', '"ended" of .* must be bool'),
        ('{"id": 5, "ended": true, "length": -1, "text": ""}', "is negative"),
        ('{"id": 5, "ended": true, "length": 1, "text": "\\ud800"}', "half a surrogate"),
        ('{"id": 0, "ended": true, "length": 1, "text": ""}', "record 2: id 0 stood before"),
        ("[]", "line 2 is not a JSON object"),
        ("{", "line 2 is not JSON"),
    ],
)
def test_what_is_not_in_the_format_is_named(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "in" / "webtext.test.jsonl"
    published(path.parent, path.name, range(1))
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=message):
        import_outputs([path], tmp_path / "set")
    assert not (tmp_path / "set" / "manifest.json").exists()
    published(path.parent, path.name, range(1))
    assert import_outputs([path], tmp_path / "set").parts[0].documents == 1


def test_folders_and_names_are_checked(release: Path, tmp_path: Path) -> None:
    made = import_outputs([release], tmp_path / "set")
    with pytest.raises(ValueError, match="holds an output set"):
        import_outputs([release], made.folder)
    with pytest.raises(ValueError, match=r"holds other files \(README.md\)"):
        import_outputs([release / "webtext.train.jsonl"], release)
    with pytest.raises(ValueError, match="is or holds no corpus"):
        import_outputs([release / "README.md"], tmp_path / "other")
    with pytest.raises(FileNotFoundError, match="is not there"):
        import_outputs([release / "none"], tmp_path / "other")
    with pytest.raises(ValueError, match=r"are both webtext\.train"):
        import_outputs([release, made.folder], tmp_path / "other")
    (tmp_path / "bad.test.jsonl.gz").write_bytes(b"\x1f\x8b no gzip")
    with pytest.raises(ValueError, match="is not a whole gzip file"):
        import_outputs([tmp_path / "bad.test.jsonl.gz"], tmp_path / "other")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(version=2), "is of format .*this hallmark reads"),
        (lambda m: m.pop("files"), "is damaged"),
        (lambda m: m["files"].update({"../../x.train.jsonl": {}}), "is damaged"),
        (lambda m: m["files"]["webtext.train.jsonl"].update(documents="many"), "is damaged"),
        (lambda m: m["corpora"]["webtext"].update(label="real"), "is damaged"),
        (lambda m: m.update(corpora={}), "is damaged"),
    ],
)
def test_a_damaged_manifest_is_refused(change, message: str, release: Path, tmp_path: Path) -> None:
    made = import_outputs([release], tmp_path / "set")
    manifest = json.loads((made.folder / "manifest.json").read_bytes())
    change(manifest)
    (made.folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=message):
        open_outputs(made.folder)


def test_what_is_not_there_is_said(release: Path, tmp_path: Path) -> None:
    made = import_outputs([release], tmp_path / "set")
    with pytest.raises(ValueError, match=r"has no webtext\.test; it has webtext\.train"):
        made.texts(["webtext"], "test")
