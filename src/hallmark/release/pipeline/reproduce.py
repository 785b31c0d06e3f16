"""A whole release from nothing to its report: the stages of it, and what is asked of them.

Gates are signed before anything is measured, and every measurement depends on the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hallmark import __version__
from hallmark.models.folder import read_json, write_json
from hallmark.models.sizes import SIZES, find_model
from hallmark.release.keys import make_key
from hallmark.release.pipeline.criteria import check_stages
from hallmark.release.pipeline.run import Given, Run
from hallmark.release.pipeline.settings import ReproduceConfig, stages_of
from hallmark.release.pipeline.stages import OnProgress, run_stages
from hallmark.release.pipeline.steps import steps_of

RUN, KEY = "run.json", "team.key"
FORMAT, VERSION = "hallmark-reproduce", 1
_GIVEN = ("human", "training", "ratings", "plan")


def reproduce(
    out: Path,
    models: list[str],
    config: ReproduceConfig,
    *,
    home: Path,
    given: Given,
    precision: str = "auto",
    device: str = "cpu",
    on_progress: OnProgress = lambda _: None,
    on_key: Callable[[Path], None] = lambda _: None,
) -> list[str]:
    """Run or go on with the release of `models` in `out`; the names of the stages that ran now.

    on_key: told of a private key that was made, which must not be published with the folder.

    ValueError where a model is not here, the plan has other stages, the folder belongs to another
    run, or a finished output was edited. The same models, texts, settings, key and time give the
    same bytes.
    """
    names = stages_of(models)
    folders = {
        folder.resolve().name: folder for folder in (find_model(n, home=home) for n in names)
    }
    if len(folders) < len(names):
        raise ValueError("two models have one name; rename the folder of one")
    for path in (*(getattr(given, name) for name in _GIVEN), given.key):
        if path is not None and not path.exists():
            raise ValueError(f"{path} is not there; give what is")
    if given.plan is not None:
        check_stages(given.plan, list(folders))
    _claim(out, {
        "format": FORMAT, "version": VERSION, "hallmark": __version__, "stages": list(folders),
        **asdict(config), "precision": precision, "device": device,
        **{name: getattr(given, name) is not None for name in _GIVEN},
    })  # fmt: skip
    key = given.key or out / KEY
    if not key.exists():
        make_key(key)
        on_key(key)
    bundled = set(folders) <= {size.name for size in SIZES if size.bundled}
    run = Run(out, folders, config, home, key, given, precision, device, bundled=bundled)
    return run_stages(out, steps_of(run), on_progress=on_progress)


def _claim(out: Path, settings: Mapping[str, Any]) -> None:
    """Make the folder this run's, or see that it is."""
    path = out / RUN
    if path.is_file():
        found = read_json(path)
        differing = [name for name, value in settings.items() if found.get(name) != value]
        if differing:
            raise ValueError(
                f"{out} belongs to another run (other {', '.join(differing)}); give a new folder"
            )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is no empty folder; give a new one")
    out.mkdir(parents=True, exist_ok=True)
    write_json(path, settings)
