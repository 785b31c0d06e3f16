"""The options of `hallmark cases settings`: what may be changed of how cases are handled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer


@dataclass(frozen=True)
class Changes:
    """One option a field of `evidence.cases.Settings`; what is None stays as it is."""

    keep_days: Annotated[
        int | None,
        typer.Option(min=1, help="Days after the last event until names and texts are erased."),
    ] = None
    appeal_days: Annotated[
        int | None, typer.Option(min=1, help="Days for an appeal, from the decision.")
    ] = None
    hold_hours: Annotated[
        int | None, typer.Option(min=1, help="Hours for a reviewer to answer.")
    ] = None
    texts: Annotated[
        int | None, typer.Option(min=1, help="Texts kept of an account, the newest.")
    ] = None
    double: Annotated[
        float | None, typer.Option(help="Share of cases that two people review, 0 to 1.")
    ] = None
    missed: Annotated[
        float | None, typer.Option(help="Cost of an account that is not found, above 0.")
    ] = None
    wrong: Annotated[
        float | None, typer.Option(help="Cost of a person who is wronged, above 0.")
    ] = None
    pseudonyms: Annotated[
        bool | None,
        typer.Option("--pseudonyms/--names", help="Keep a hash for each account, or its name."),
    ] = None
