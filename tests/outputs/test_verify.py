"""Whatever is changed in a finished set is found, and named."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hallmark.models.folder import sha256_of
from hallmark.models.sizes import BUNDLED
from hallmark.models.tokenizer import Tokenizer
from hallmark.outputs.build import Models, build
from hallmark.outputs.outputset import OutputSet, open_outputs
from hallmark.outputs.plan import Plan, make_plan
from hallmark.outputs.records import line_of, read_records
from hallmark.outputs.regenerate import regenerate
from hallmark.outputs.verify import Report, verify

Records = list[dict]
FOLDERS = {"ladder-1M": BUNDLED / "ladder-1M"}
FILE = "ladder-1M-k40.train.jsonl"


@pytest.fixture
def altered(whole: OutputSet, tmp_path: Path) -> Callable[..., OutputSet]:
    """The small set with one file's records changed, and the manifest made to agree, or not."""

    def alter(change: Callable[[Records], None], *, agreeing: bool = True) -> OutputSet:
        folder = shutil.copytree(whole.folder, tmp_path / "set")
        path = folder / FILE
        records = list(read_records(path))
        change(records)
        path.write_bytes(b"".join(map(line_of, records)))
        if agreeing:
            manifest = json.loads((folder / "manifest.json").read_bytes())
            manifest["files"][FILE] |= {
                "size": path.stat().st_size, "sha256": sha256_of(path), "documents": len(records),
                "tokens": sum(r["length"] for r in records),
            }  # fmt: skip
            (folder / "manifest.json").write_text(json.dumps(manifest))
        return open_outputs(folder)

    return alter


def test_a_whole_set_has_no_problem(whole: OutputSet) -> None:
    tokenizer = Tokenizer.load(FOLDERS["ladder-1M"])
    report = verify(whole, tokenizers={"ladder-1M": tokenizer})
    assert report.problems == []
    assert (report.documents, report.files, report.tokenised) == (204, 9, 204)
    texts = [d for p in whole.parts for d in whole.documents(p.source, p.split)]
    assert report.retokenised == sum(len(tokenizer.encode(d.text)) == d.length for d in texts)
    assert 0 < report.retokenised < 204


def swap(records: Records) -> None:
    records[3], records[4] = records[4], records[3]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda r: r.pop(7), "record 8: id is 8, not 7"),
        (swap, "record 4: id is 4, not 3"),
        (lambda r: r.append(dict(r[0])), "record 61: id 0 stood before"),
        (lambda r: r.append({**r[0], "id": 999}), "record 61: it is one too many"),
        (lambda r: r[2].update(seed=1), "record 3: seed is 1, not"),
        (lambda r: r[2].update(top_p=0.5), "record 3: top_p is 0.5, not 1.0"),
        (lambda r: r[2].update(length=999), "record 3: length is 999"),
        (lambda r: r[2].update(length=1, ended=False), "record 3: length is 1 and it has not"),
    ],
)  # fmt: skip
def test_a_change_that_the_manifest_hides_is_found(altered, change, problem: str) -> None:
    report = verify(altered(change))
    assert any(f"{FILE}, {problem}" in found for found in report.problems), report.problems


def test_a_changed_byte_is_found(altered) -> None:
    def change(records: Records) -> None:
        records[5]["text"] = records[5]["text"].swapcase()

    report = verify(altered(change, agreeing=False))
    assert report.problems == [f"{FILE} is not the file that the manifest describes"]


def test_counts_are_compared(altered) -> None:
    report = verify(altered(lambda r: r.pop(), agreeing=False))
    assert any("has 59 documents" in problem for problem in report.problems)


def test_a_missing_or_broken_file_is_named(whole: OutputSet, tmp_path: Path) -> None:
    folder = shutil.copytree(whole.folder, tmp_path / "set")
    (folder / FILE).unlink()
    (folder / "ladder-1M.test.jsonl").write_bytes(b"{oops\n")
    problems = verify(open_outputs(folder)).problems
    assert f"{FILE} is missing" in problems
    assert any("ladder-1M.test.jsonl, line 1 is not JSON" in problem for problem in problems)


def test_duplicates_are_counted_and_across_splits(altered) -> None:
    def change(records: Records) -> None:
        records[5]["text"] = records[6]["text"]

    report = verify(altered(change))
    assert (report.duplicates, report.shared, report.problems) == (1, 0, [])


def test_a_sample_is_written_again_and_equal(whole: OutputSet) -> None:
    report = Report()
    regenerate(whole, FOLDERS, report, count=15)
    assert (report.regenerated, report.problems) == (15, [])


def test_a_text_that_its_seed_does_not_write_is_found(altered) -> None:
    def change(records: Records) -> None:
        for record in records:
            record["text"] += "!"

    changed, report = altered(change), Report()
    assert verify(changed).ok
    regenerate(changed, FOLDERS, report, count=204)
    assert report.regenerated == 144
    assert f"{FILE[:-6]}, record 1: seed" in report.problems[0]


def test_another_model_is_refused(whole: OutputSet) -> None:
    with pytest.raises(ValueError, match="is not the model that wrote ladder-1M"):
        regenerate(whole, {"ladder-1M": BUNDLED / "ladder-3M"}, Report(), count=3)


def test_float32_documents_are_written_again_too(
    tiny_model: Path, rung: tuple[Plan, Models], tmp_path: Path
) -> None:
    config = dataclasses.replace(rung[0].config, sampling="pure,nucleus", max_tokens=20)
    plan = make_plan(config, ["tiny"], [f"the {i}" for i in range(5)])
    built = build(tmp_path / "set", plan, Models({"tiny": tiny_model}))
    report = verify(built)
    assert report.problems == []
    regenerate(built, {"tiny": tiny_model}, report, count=30)
    assert (report.regenerated, report.problems) == (30, [])


def test_prompts_are_compared(tiny_model: Path, rung: tuple[Plan, Models], tmp_path: Path) -> None:
    config = dataclasses.replace(rung[0].config, sampling="pure", max_tokens=4)
    plan = make_plan(config, ["tiny"], [f"the {i}" for i in range(5)])
    built = build(tmp_path / "set", plan, Models({"tiny": tiny_model}))
    path = built.part("tiny-prompted", "train").path
    records = list(read_records(path))
    records[50]["prompt"] = "another"
    path.write_bytes(b"".join(map(line_of, records)))
    assert any(
        "record 51: it goes on from another prompt" in problem
        for problem in verify(open_outputs(built.folder)).problems
    )
