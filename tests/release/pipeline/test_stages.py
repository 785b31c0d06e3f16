"""A stage runs once for its inputs; whatever is edited, lost or killed is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hallmark.release.pipeline.stages import Progress, Stage, run_stages

Made = Callable[..., list[Stage]]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Two stages: one copies `source`, one makes a folder of two files of that."""
    (tmp_path / "source").write_text("a", encoding="utf-8")
    out = tmp_path / "run"

    def stages(*, fail: bool = False, resumes: bool = False, setting: int = 1) -> list[Stage]:
        def copy(_: object) -> None:
            text = (tmp_path / "source").read_text("utf-8")
            (out / "copy").write_text(text * setting, encoding="utf-8")

        def fill(tell: Callable[[float, str], None]) -> None:
            (out / "folder").mkdir(exist_ok=resumes)
            (out / "folder" / "one").write_bytes((out / "copy").read_bytes())
            tell(0.5, "half")
            if fail:
                raise KeyboardInterrupt
            (out / "folder" / "two").write_bytes(b"2")

        return [
            Stage("copy", "copies", ("copy",), copy, (tmp_path / "source",), {"n": setting}),
            Stage("fill", "fills", ("folder",), fill, (out / "copy",), resumes=resumes),
        ]

    return stages


def test_nothing_is_done_twice(made: Made, tmp_path: Path) -> None:
    assert run_stages(tmp_path / "run", made()) == ["copy", "fill"]
    assert run_stages(tmp_path / "run", made()) == []


def test_a_changed_input_is_made_again_and_all_that_depends_on_it(
    made: Made, tmp_path: Path
) -> None:
    run_stages(tmp_path / "run", made())
    (tmp_path / "source").write_text("b", encoding="utf-8")
    assert run_stages(tmp_path / "run", made()) == ["copy", "fill"]
    assert (tmp_path / "run" / "folder" / "one").read_bytes() == b"b"
    assert run_stages(tmp_path / "run", made(setting=2)) == ["copy", "fill"]
    assert (tmp_path / "run" / "folder" / "one").read_bytes() == b"bb"


def test_an_input_that_ends_as_it_was_changes_nothing_further(made: Made, tmp_path: Path) -> None:
    run_stages(tmp_path / "run", made())
    (tmp_path / "run" / "copy").unlink()
    assert run_stages(tmp_path / "run", made()) == ["copy"]


def test_an_edited_output_is_refused_and_a_lost_one_is_made_again(
    made: Made, tmp_path: Path
) -> None:
    run_stages(tmp_path / "run", made())
    two = tmp_path / "run" / "folder" / "two"
    two.write_bytes(b"3")
    with pytest.raises(ValueError, match=r"folder/two is not what the stage fill wrote; delete"):
        run_stages(tmp_path / "run", made())
    two.unlink()
    assert run_stages(tmp_path / "run", made()) == ["fill"]
    assert two.read_bytes() == b"2"


@pytest.mark.parametrize("resumes", [False, True])
def test_what_was_half_made_is_cleared_unless_the_stage_goes_on(
    made: Made, resumes: bool, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_stages(tmp_path / "run", made(fail=True, resumes=resumes))
    assert (tmp_path / "run" / "folder" / "one").is_file()
    # without `resumes`, mkdir would fail on a folder that is still there
    assert run_stages(tmp_path / "run", made(resumes=resumes)) == ["fill"]


def test_a_damaged_marker_is_none(made: Made, tmp_path: Path) -> None:
    run_stages(tmp_path / "run", made())
    (tmp_path / "run" / ".stages" / "copy.json").write_text("{", encoding="utf-8")
    assert run_stages(tmp_path / "run", made()) == ["copy"]


def test_two_runs_do_not_share_a_folder(made: Made, tmp_path: Path) -> None:
    def inner(_: object) -> None:
        run_stages(tmp_path / "run", made())

    with pytest.raises(ValueError, match="another run is at work"):
        run_stages(tmp_path / "run", [Stage("outer", "", (), inner)])


def test_progress_says_what_is_under_way_and_what_is_left(made: Made, tmp_path: Path) -> None:
    seen: list[Progress] = []
    run_stages(tmp_path / "run", made(), on_progress=seen.append)
    assert [(p.done, p.stage, p.what) for p in seen] == [
        (0, "copy", "copies"), (1, "fill", "fills"), (1, "fill", "half")
    ]  # fmt: skip
    assert all(p.left is not None and 0 <= p.left <= 3 for p in seen)
    again: list[Progress] = []
    run_stages(tmp_path / "run", made(), on_progress=again.append)
    assert [(p.done, p.total, p.left) for p in again] == [(1, 2, None), (2, 2, None)]
