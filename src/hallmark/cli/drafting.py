"""`--draft`: which guesses go ahead of a model's text, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hallmark.cli.options import home, load_model
from hallmark.models.precision import AUTO
from hallmark.models.sizes import smaller_than

if TYPE_CHECKING:
    from hallmark.lm.model import LanguageModel
    from hallmark.lm.row import Generation, OnToken
    from hallmark.lm.sampling import SamplingParams

NONE, NGRAM = "none", "ngram"

Draft = Annotated[
    str,
    typer.Option(
        metavar="NAME|ngram|auto|none",
        help="Guess ahead with a smaller model, or from the text itself; changes no text.",
    ),
]


class Drafted:
    """A model that generates with a draft; `name` and `precision` are the model's."""

    def __init__(self, model: LanguageModel, draft: LanguageModel | str | None) -> None:
        from hallmark.lm.speculation import Pace

        self.model, self.draft, self.pace = model, draft, Pace()
        self.name, self.precision = model.name, model.precision

    def generate(
        self,
        prompts: Sequence[str],
        params: SamplingParams,
        *,
        seeds: Sequence[int],
        on_token: OnToken | None = None,
    ) -> list[Generation]:
        """As `LanguageModel.generate`."""
        return self.model.generate(
            prompts, params, seeds=seeds, on_token=on_token, draft=self.draft, pace=self.pace
        )

    @property
    def note(self) -> str:
        """Who guessed, how often that was right, and what it saved."""
        pace, name = self.pace, getattr(self.draft, "name", self.draft)
        right = pace.accepted / max(1, pace.proposed)
        return (
            f"hallmark: drafted by {name}: {right:.0%} of {pace.proposed} guesses were right, "
            f"{pace.drawn} tokens in {pace.passes} passes"
        )


def with_draft(model: LanguageModel, name: str) -> LanguageModel | Drafted:
    """The model with the draft of that name; "auto" takes a smaller model that is here, or else
    ngram.
    """
    if name == NONE:
        return model
    if name == AUTO:
        size = smaller_than(model.network.config, home=home())
        name = size.name if size else NGRAM
    if name == NGRAM:
        return Drafted(model, NGRAM)
    return Drafted(model, load_model(name, precision=AUTO))
