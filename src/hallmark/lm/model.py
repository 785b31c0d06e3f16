"""A language model: a network and its tokenizer on a device, with two verbs.

`generate` writes, `score` reads. Text in, records out; knows nothing of files beyond `load`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from hallmark.lm import generate as decoding
from hallmark.lm import score as scoring
from hallmark.lm.generate import Generation, OnToken
from hallmark.lm.sampling import PURE, SamplingParams, check_seed, document_seed
from hallmark.lm.score import TokenScores
from hallmark.models import checkpoint
from hallmark.models.gpt2 import GPT2
from hallmark.models.tokenizer import Tokenizer

BATCH_SIZE = 16


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
    def load(cls, folder: Path, *, device: str = "cpu", name: str | None = None) -> LanguageModel:
        """The model in `folder`, in any form that `checkpoint.load` reads, with its errors.

        name: by default the folder's. ValueError where PyTorch cannot use `device`.
        """
        network, tokenizer = checkpoint.load(folder)
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

    def generate(
        self,
        prompts: Sequence[str],
        params: SamplingParams = PURE,
        *,
        seeds: Sequence[int] | None = None,
        batch_size: int = BATCH_SIZE,
        on_token: OnToken | None = None,
    ) -> list[Generation]:
        """Go on from each prompt (an empty one: write from nothing); texts in the same order.

        seeds: one a prompt, by default document_seed(params.seed, "", "", index). A text
        depends on its prompt, its seed and `params` alone, not on `batch_size`, which bounds
        memory. on_token(index, text) is called as text becomes certain, batch after batch.
        ValueError where an argument is wrong.
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
        batch_tokens: int = scoring.BATCH_TOKENS,
    ) -> list[TokenScores]:
        """How likely the network finds each token of each text; see `score.stream_scores`."""
        if isinstance(texts, str):
            raise ValueError("texts must be a list of strings, not one string; wrap it in [ ]")
        return scoring.score(
            self.network, (self.tokenizer.encode(text) for text in texts),
            eot=self.tokenizer.eot, stride=stride, batch_tokens=batch_tokens,
            max_tokens=max_tokens,
        )  # fmt: skip


def _shifted(on_token: OnToken | None, first: int) -> OnToken | None:
    """The callback for a batch that begins at prompt `first`."""
    if on_token is None:
        return None
    return lambda index, piece: on_token(first + index, piece)
