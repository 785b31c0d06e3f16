"""A language model: a network and its tokenizer on a device, with two verbs.

`generate` writes, `score` reads. Text in, records out; knows nothing of files beyond `load`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from hallmark.lm import generate as decoding
from hallmark.lm import gpu
from hallmark.lm import score as scoring
from hallmark.lm.engine import UNFIT, fits
from hallmark.lm.row import Generation, OnToken
from hallmark.lm.sampling import PURE, SamplingParams, check_seed, document_seed
from hallmark.lm.score import TokenScores
from hallmark.models import checkpoint
from hallmark.models.gpt2 import GPT2
from hallmark.models.precision import SMALL, Precision, choose_precision
from hallmark.models.tokenizer import Tokenizer

if TYPE_CHECKING:
    from hallmark.lm.speculation import Draft, Pace

BATCH_SIZE = 16
SLOTS = 32


class LanguageModel:
    """A network with its tokenizer; `name` is what reports call it."""

    def __init__(self, network: GPT2, tokenizer: Tokenizer, *, name: str) -> None:
        if tokenizer.n_vocab != network.config.vocab_size:
            raise ValueError(
                f"the tokenizer has {tokenizer.n_vocab} tokens and the network "
                f"{network.config.vocab_size}; use the two of one model"
            )
        self.network = network.eval()
        self.tokenizer = tokenizer
        self.name = name

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        device: str = "cpu",
        name: str | None = None,
        precision: str = Precision.FLOAT32,
    ) -> LanguageModel:
        """The model in `folder`, in any form that `checkpoint.load` reads, with its errors.

        name: by default the folder's. precision: see `Precision`; "auto" goes by device and size.
        ValueError where PyTorch cannot use `device`, or `precision` is not for it.
        """
        if device.partition(":")[0] != "cpu":  # auto is the same for every size there
            precision = choose_precision(precision, device=device, parameters=0)
        network, tokenizer = checkpoint.load(folder, precision=precision)
        try:
            network.to(device)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(f"device {device!r} cannot be used ({reason}); use 'cpu'") from None
        return cls(network, tokenizer, name=name or folder.resolve().name)

    @property
    def device(self) -> torch.device:
        """Where the network's weights are."""
        return self.network.device

    @property
    def precision(self) -> Precision:
        """How the network's matrices are held."""
        return self.network.precision

    def generate(
        self,
        prompts: Sequence[str],
        params: SamplingParams = PURE,
        *,
        seeds: Sequence[int] | None = None,
        batch_size: int = BATCH_SIZE,
        on_token: OnToken | None = None,
        draft: LanguageModel | str | None = None,
        pace: Pace | None = None,
    ) -> list[Generation]:
        """Go on from each prompt (an empty one: write from nothing); texts in the same order.

        seeds: one a prompt, by default document_seed(params.seed, "", "", index). A text
        depends on its prompt, its seed and `params` alone, not on `batch_size`, which bounds
        memory. on_token(index, text) is called as text becomes certain, batch after batch.
        draft: a smaller model of the same vocabulary or "ngram", whose guesses save passes and
        change no text; `pace` counts them. ValueError where an argument is wrong.
        """
        if isinstance(prompts, str):
            raise ValueError("prompts must be a list of strings, not one string; wrap it in [ ]")
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {batch_size}")
        if seeds is None:
            seeds = [document_seed(params.seed, "", "", i) for i in range(len(prompts))]
        if len(seeds) != len(prompts):
            raise ValueError(f"{len(seeds)} seeds for {len(prompts)} prompts; give one for each")
        for seed in seeds:
            check_seed(seed)
        if draft is None and not self._compiled(small=False) and not gpu.fits(self.network):
            return self._in_batches(prompts, params, seeds, batch_size, on_token)
        texts = dict(self.stream(zip(prompts, seeds, strict=True), params,
                                 slots=min(batch_size, max(1, len(prompts))),
                                 on_token=on_token, draft=draft, pace=pace))  # fmt: skip
        return [texts[i] for i in range(len(prompts))]

    def stream(
        self,
        prompts: Iterable[tuple[str, int]],
        params: SamplingParams = PURE,
        *,
        slots: int = SLOTS,
        on_token: OnToken | None = None,
        draft: LanguageModel | str | None = None,
        pace: Pace | None = None,
    ) -> Iterator[tuple[int, Generation]]:
        """Go on from each (prompt, seed), however many come; yields (index, text) as texts end.

        Up to `slots` are written at once, and a new one takes the place of each that ends. For
        the rest see `generate`, which gives the same texts and the same errors.
        """
        if slots < 1:
            raise ValueError(f"slots must be at least 1, not {slots}")
        prompts = ((prompt, _checked(seed)) for prompt, seed in prompts)
        if self._compiled(small=True):
            from hallmark.lm.continuous import stream

            guesses = self._draft(draft, params, slots) if draft else None
            try:
                yield from stream(
                    self.network, self.tokenizer, prompts, params, slots=slots, on_token=on_token,
                    draft=guesses, pace=pace,
                )  # fmt: skip
            finally:
                if guesses:
                    guesses.close()
            return
        if not draft and gpu.fits(self.network):
            from hallmark.lm.gpu.stream import stream as on_gpu

            yield from on_gpu(
                self.network, self.tokenizer, prompts, params, slots=slots, on_token=on_token
            )
            return
        if draft:
            raise ValueError(f"{self.name} cannot be drafted for: {UNFIT}; leave the draft out")
        coming, first = iter(prompts), 0
        while some := list(islice(coming, slots)):
            texts = self._in_batches(
                [p for p, _ in some], params, [seed for _, seed in some], slots,
                _shifted(on_token, first),
            )  # fmt: skip
            yield from enumerate(texts, start=first)
            first += len(some)

    def _draft(self, draft: LanguageModel | str, params: SamplingParams, slots: int) -> Draft:
        """What guesses; ValueError where it cannot."""
        from hallmark.lm.speculation import NGrams, SmallerModel

        if isinstance(draft, str):
            if draft != NGrams.name:
                raise ValueError(f"draft must be a model or {NGrams.name!r}, not {draft[:40]!r}")
            return NGrams()
        if draft.tokenizer.merge_lines() != self.tokenizer.merge_lines():
            raise ValueError(
                f"{draft.name} and {self.name} have different vocabularies; draft with a model of "
                "the same, or with ngram"
            )
        if not fits(draft.network):
            raise ValueError(f"{draft.name} cannot draft: {UNFIT}; choose another, or ngram")
        return SmallerModel(draft.network, params, slots=slots, name=draft.name)

    def _compiled(self, *, small: bool) -> bool:
        """Whether to decode with compiled code; `small`: also a small network in float32."""
        large = self.network.config.parameters >= SMALL
        return (small or large or self.precision != Precision.FLOAT32) and fits(self.network)

    def _in_batches(
        self,
        prompts: Sequence[str],
        params: SamplingParams,
        seeds: Sequence[int],
        batch_size: int,
        on_token: OnToken | None,
    ) -> list[Generation]:
        """With the plain network, one batch after another."""
        written: list[Generation] = []
        for first in range(0, len(prompts), batch_size):
            some = slice(first, first + batch_size)
            written += decoding.generate(
                self.network, self.tokenizer, prompts[some], params, seeds=seeds[some],
                on_token=_shifted(on_token, first),
            )  # fmt: skip
        return written

    def score(
        self,
        texts: Sequence[str],
        *,
        max_tokens: int | None = None,
        stride: int | None = None,
        batch_tokens: int | None = None,
    ) -> list[TokenScores]:
        """How likely the network finds each token of each text; see `score.stream_scores`."""
        if isinstance(texts, str):
            raise ValueError("texts must be a list of strings, not one string; wrap it in [ ]")
        return scoring.score(
            self.network, (self.tokenizer.encode(text) for text in texts),
            eot=self.tokenizer.eot, stride=stride, batch_tokens=batch_tokens,
            max_tokens=max_tokens,
        )  # fmt: skip


def _checked(seed: int) -> int:
    check_seed(seed)
    return seed


def _shifted(on_token: OnToken | None, first: int) -> OnToken | None:
    """The callback for a batch that begins at prompt `first`."""
    if on_token is None:
        return None
    return lambda index, piece: on_token(first + index, piece)
