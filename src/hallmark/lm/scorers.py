"""Models that score texts, whichever kind: our own network's, or any of transformers.

The same TokenScores of both, and the cross-entropy of any two that share a vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hallmark.lm import score as scoring
from hallmark.lm.foreign import ForeignModel
from hallmark.lm.model import LanguageModel
from hallmark.lm.predictions import Predictor, columns
from hallmark.models import huggingface
from hallmark.models.folder import read_json
from hallmark.models.precision import Precision

Scorer = LanguageModel | ForeignModel


def load_scorer(
    folder: Path,
    *,
    name: str | None = None,
    precision: str = Precision.FLOAT32,
    device: str = "cpu",
) -> Scorer:
    """The model in `folder`: with our own network where it is a plain GPT-2, else transformers'."""
    own = LanguageModel if is_plain_gpt2(folder) else ForeignModel
    return own.load(folder, name=name, precision=precision, device=device)


def is_plain_gpt2(folder: Path) -> bool:
    """Whether `checkpoint.load` is for this folder: all but transformers' other models."""
    path = folder / "config.json"
    if not path.is_file() or "model_type" not in read_json(path):
        return True
    try:
        huggingface.read_config(path)
    except ValueError:
        return False
    return True


def cross_entropies(
    observer: Scorer, performer: Scorer, texts: Sequence[str]
) -> list[NDArray[np.float32]]:
    """Binoculars' cross-entropy at each token of each text; see `score.cross_entropy`."""
    tokenizer = performer.tokenizer
    if isinstance(observer, LanguageModel) and isinstance(performer, LanguageModel):
        ids = [tokenizer.encode(text) for text in texts]
        return scoring.cross_entropy(observer.network, performer.network, ids, eot=tokenizer.eot)
    found = []
    for text in texts:
        own = np.array(tokenizer.encode(text), dtype=np.int32)
        crossed = columns([_of(observer), _of(performer)], own, first=tokenizer.eot)
        found.append(crossed[0] if crossed else np.zeros(0, dtype=np.float32))
    return found


def check_shared_vocabulary(observer: Scorer, performer: Scorer) -> None:
    """ValueError where the two models' tokens or ids differ, or what stands before a text."""
    one, other = observer.tokenizer.encoder(), performer.tokenizer.encoder()
    differ = [token for token in one.keys() | other.keys() if one.get(token) != other.get(token)]
    if differ or observer.tokenizer.eot != performer.tokenizer.eot:
        example = f", such as {min(differ)!r:.40}" if differ else " in what stands before a text"
        raise ValueError(
            f"{observer.name} and {performer.name} do not share one vocabulary: they differ in "
            f"{len(differ)} tokens{example}; use two models of one family"
        )


def _of(scorer: Scorer) -> Predictor:
    return _Plain(scorer) if isinstance(scorer, LanguageModel) else scorer


class _Plain:
    """Our own network behind the verbs of a predictor."""

    def __init__(self, model: LanguageModel) -> None:
        self._network, self.device = model.network, model.device
        self.n_ctx = model.network.config.n_ctx
        self.vocab_size = model.network.config.vocab_size

    @torch.inference_mode()
    def states(self, ids: Tensor) -> Tensor:
        states: Tensor = self._network(ids[None])[0]
        return states

    @torch.inference_mode()
    def logits(self, states: Tensor) -> Tensor:
        return self._network.logits(states)
