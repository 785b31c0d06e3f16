"""The fields of a settings dataclass as options of a command.

So a default and its help are written once, beside the code that they configure.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

import typer

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def options_of(defaults: T) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one option for each field of `defaults`; it gets them as `settings`.

    A field has its option as an annotation, or as metadata with help and choices.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own = [p for p in signature.parameters.values() if p.name != "settings"]
        names = [f.name for f in fields(defaults)]

        def run(**values: Any) -> None:
            chosen = {name: values.pop(name) for name in names}
            command(**values, settings=replace(defaults, **chosen))

        own_hints = get_type_hints(type(defaults), include_extras=True)
        added = [
            _option(f.name, getattr(defaults, f.name), own_hints[f.name], dict(f.metadata))
            for f in fields(defaults)
        ]
        ordered = sorted([*own, *added], key=lambda p: p.default is not inspect.Parameter.empty)
        run.__signature__ = signature.replace(parameters=ordered)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in ordered}
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        return run

    return decorate


def _option(name: str, default: object, hint: Any, metadata: dict[str, Any]) -> inspect.Parameter:
    """A field's parameter: by its own annotation, or made of what its metadata say."""
    if metadata:
        metavar = "|".join(metadata["choices"]) or None
        option = typer.Option(f"--{name.replace('_', '-')}", help=metadata["help"], metavar=metavar)
        hint = Annotated[type(default), option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
