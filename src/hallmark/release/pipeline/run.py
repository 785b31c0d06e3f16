"""What a run is of, and how its stages say where their results come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hallmark.release.layout import EVIDENCE, PLAN
from hallmark.release.lock import lock_path
from hallmark.release.pipeline.settings import ReproduceConfig, Scale
from hallmark.release.pipeline.stages import Stage, Tell

LOCK = lock_path(Path(PLAN)).name


@dataclass(frozen=True)
class Given:
    """What a run may be handed: people's texts, text that the models were trained on, people's
    ratings, a plan and a key.

    time: what stands as the time of signing and deciding (ISO 8601, UTC); else the clock's.
    """

    human: Path | None = None
    training: Path | None = None
    ratings: Path | None = None
    plan: Path | None = None
    key: Path | None = None
    time: str | None = None


@dataclass(frozen=True)
class Run:
    """All that a release is made of. models: folders by stage, the smallest first."""

    out: Path
    models: dict[str, Path]
    config: ReproduceConfig
    home: Path
    key: Path
    given: Given
    precision: str
    device: str
    bundled: bool

    @property
    def scale(self) -> Scale:
        """How much of everything."""
        return self.config.size

    @property
    def names(self) -> list[str]:
        """The stages of the release."""
        return list(self.models)

    def evidence(self, name: str) -> Path:
        """A result file."""
        path = self.out / EVIDENCE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def time(self) -> str:
        """What stands as the time of what is done now."""
        return self.given.time or datetime.now(UTC).isoformat(timespec="seconds")

    def load(self, name: str) -> Any:
        """The language model of a stage."""
        from hallmark.lm.model import LanguageModel

        return LanguageModel.load(self.models[name], name=name, device=self.device)

    def origin(self, command: str) -> dict[str, Any]:
        """What a result file says of itself: the command, from within the run's folder."""
        return {"command": f"hallmark {command}", "seed": self.config.seed}

    def stage(
        self, name: str, what: str, outputs: tuple[str, ...], run: Callable[[Tell], None],
        *reads: str | Path, resumes: bool = False, command: str = "",
    ) -> Stage:  # fmt: skip
        """A stage of this run; it depends on the run's settings and on what it reads."""
        inputs = tuple(self.out / path if isinstance(path, str) else path for path in reads)
        settings = {"command": command, "seed": self.config.seed, "scale": self.config.scale}
        return Stage(name, what, outputs, run, inputs, settings, resumes, self.scale.cost(name))


def spelled(settings: Any) -> str:
    """Settings as options of a command: those that differ from their defaults, and the seed."""
    return " ".join(
        f"--{field.name.replace('_', '-')} {getattr(settings, field.name)}"
        for field in fields(settings)
        if field.name == "seed" or getattr(settings, field.name) != field.default
    )
