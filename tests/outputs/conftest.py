"""A small build that tests may look at: a bundled rung in int8, whose texts have the same bits in
any batch, under three settings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from hallmark.models.sizes import BUNDLED
from hallmark.outputs.build import Models, build
from hallmark.outputs.outputset import OutputSet
from hallmark.outputs.plan import Plan, make_plan
from hallmark.outputs.settings import BuildConfig

Hashes = Callable[[Path], dict[str, str]]
RUNG = "ladder-1M"
CONFIG = BuildConfig(
    sampling="pure,k40,nucleus", train=60, valid=5, test=3, max_tokens=40, shard=16, slots=8
)


@pytest.fixture(scope="session")
def hashes() -> Hashes:
    """The hash of every file below a folder, by name."""

    def look(folder: Path) -> dict[str, str]:
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }

    return look


@pytest.fixture(scope="session")
def rung() -> tuple[Plan, Models]:
    """What the small build writes, and with what."""
    return make_plan(CONFIG, [RUNG]), Models({RUNG: BUNDLED / RUNG}, precision="int8")


@pytest.fixture(scope="session")
def whole(rung: tuple[Plan, Models], tmp_path_factory: pytest.TempPathFactory) -> OutputSet:
    """The small build as nothing disturbed it. Not to be changed."""
    return build(tmp_path_factory.mktemp("outputs") / "whole", *rung)
