"""A dataclass's fields become options, defaults and help included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from hallmark.cli.fields import options_of
from hallmark.settings import option


@dataclass(frozen=True)
class Settings:
    learning_rate: float = option(0.5, "How fast.")
    fast: bool = option(False, "Or not.")
    kind: str = option("a", "Which.", ("a", "b"))
    workers: Annotated[int | None, typer.Option(min=1, help="How many.")] = None

    def __post_init__(self) -> None:
        if self.kind not in ("a", "b"):
            raise ValueError(f"kind must be a or b, not {self.kind}")


def program() -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None)

    @app.command()
    @options_of(Settings(learning_rate=0.25))
    def show(name: str, loud: bool = False, *, settings: Settings) -> None:
        """Show."""
        print(name, loud, settings.learning_rate, settings.fast, settings.kind, settings.workers)

    return app


def test_options_reach_the_command() -> None:
    run = CliRunner().invoke
    assert run(program(), ["x"]).output == "x False 0.25 False a None\n"
    given = ["x", "--loud", "--learning-rate", "2", "--fast", "--kind", "b", "--workers", "3"]
    assert run(program(), given).output == "x True 2.0 True b 3\n"
    help_text = run(program(), ["--help"]).output
    assert "How fast." in help_text
    assert "[default: 0.25]" in help_text
    assert "--kind a|b" in help_text
    assert "How many.  [x>=1]" in help_text
    assert run(program(), ["x", "--workers", "0"]).exit_code == 2


def test_the_dataclass_checks_its_values() -> None:
    with pytest.raises(ValueError, match="kind must be a or b, not c"):
        CliRunner().invoke(program(), ["x", "--kind", "c"], catch_exceptions=False)
