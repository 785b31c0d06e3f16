"""Any causal model of transformers in a folder, as a scorer: GPT-2, OPT, GPT-NeoX, Llama ...

Reads, never writes text. Nothing is fetched and no code of the folder is run: safetensors only.
The first token of a text is predicted from the tokenizer's beginning-of-text token, or from its
end-of-text token where it has no other (GPT-2's `<|endoftext|>`); no other token is added.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hallmark.lm.predictions import columns
from hallmark.lm.score import TokenScores
from hallmark.models.folder import check_manifest
from hallmark.models.precision import Precision

_LONGEST = 4096  # tokens read together where a model's config names no limit, or a larger one
_PROBE = 5  # tokens on which the head is tried
_PRECISIONS = {Precision.FLOAT32: torch.float32, Precision.BF16: torch.bfloat16}


class ForeignTokenizer:
    """A tokenizer of transformers' behind the verbs of `models.tokenizer.Tokenizer`.

    `eot` is the id that stands before a text.
    """

    def __init__(self, tokenizer: Any, *, where: Path) -> None:
        first = tokenizer.bos_token_id
        first = tokenizer.eos_token_id if first is None else first
        if first is None:
            raise ValueError(
                f"the tokenizer in {where} has neither a first nor a last token, so nothing can "
                "predict a text's first token; use another model"
            )
        self.eot = int(first)
        self.n_vocab = len(tokenizer)
        self._tokenizer = tokenizer

    def encode(self, text: str) -> list[int]:
        """Ids of `text`; special tokens spelt in it are ordinary text."""
        found: list[int] = self._tokenizer.encode(
            text, add_special_tokens=False, split_special_tokens=True
        )
        return found

    def decode(self, ids: Sequence[int]) -> str:
        """Text of `ids`."""
        text: str = self._tokenizer.decode(ids, clean_up_tokenization_spaces=False)
        return text

    def decode_bytes(self, ids: Iterator[int] | Sequence[int]) -> bytes:
        """UTF-8 of the text of `ids`."""
        return self.decode(list(ids)).encode("utf-8", errors="replace")

    def encoder(self) -> dict[str, int]:
        """Token to id."""
        return dict(self._tokenizer.get_vocab())


class ForeignModel:
    """A network of transformers with its tokenizer; `name` is what reports call it."""

    def __init__(self, network: Any, tokenizer: ForeignTokenizer, *, name: str) -> None:
        self.network = network.eval()
        self.tokenizer = tokenizer
        self.name = name
        self.vocab_size: int = network.get_input_embeddings().weight.shape[0]
        if tokenizer.n_vocab > self.vocab_size:
            raise ValueError(
                f"the tokenizer of {name} has {tokenizer.n_vocab} tokens and its network "
                f"{self.vocab_size}; use the two of one model"
            )
        limit = getattr(network.config, "max_position_embeddings", None) or _LONGEST
        self.n_ctx = min(int(limit), _LONGEST)

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        device: str = "cpu",
        name: str | None = None,
        precision: str = Precision.FLOAT32,
    ) -> ForeignModel:
        """The model in `folder`; ValueError or FileNotFoundError says in a line what is wrong.

        precision: float32 or bf16; auto is float32 on a CPU.
        """
        check_manifest(folder)
        if precision == "auto":
            precision = Precision.FLOAT32 if device == "cpu" else Precision.BF16
        if precision not in _PRECISIONS:
            raise ValueError(f"{folder} opens in float32 or bf16, not {precision}; choose one")
        network, tokenizer = open_pretrained(
            folder, "causal model that opens", dtype=_PRECISIONS[Precision(precision)]
        )
        name = name or folder.resolve().name
        found = cls(network, ForeignTokenizer(tokenizer, where=folder), name=name)
        network.to(device)
        return found

    @property
    def device(self) -> torch.device:
        """Where the network's weights are."""
        device: torch.device = self.network.device
        return device

    @property
    def precision(self) -> Precision:
        """How the weights are held."""
        return Precision.BF16 if self.network.dtype == torch.bfloat16 else Precision.FLOAT32

    def score(self, texts: Sequence[str], *, max_tokens: int | None = None) -> list[TokenScores]:
        """How likely the network finds each token of each text; see `score.stream_scores`."""
        found = []
        for text in texts:
            ids = self.tokenizer.encode(text)
            own = np.array(ids[:max_tokens], dtype=np.int32)
            found_here = columns([self], own, first=self.tokenizer.eot)
            log_prob, rank, entropy, variance = found_here or [np.zeros(0, dtype=np.float32)] * 4
            found.append(
                TokenScores(own, log_prob, rank.astype(np.int32), entropy, variance, len(ids))
            )
        return found

    @torch.inference_mode()
    def states(self, ids: Tensor) -> Tensor:
        """Last states (T, C) of ids (T,); where the head is not apart, logits (T, V)."""
        if self._head_is_apart:
            state: Tensor = self.network.base_model(input_ids=ids[None], use_cache=False)[0]
        else:
            state = self.network(input_ids=ids[None], use_cache=False).logits
        return state[0]

    @torch.inference_mode()
    def logits(self, states: Tensor) -> Tensor:
        """Logits (N, V) of some of the states."""
        if not self._head_is_apart:
            return states
        logits: Tensor = self.network.get_output_embeddings()(states)
        return logits

    @cached_property
    def _head_is_apart(self) -> bool:
        """Whether states through the output embedding are the logits; some models scale them."""
        head = self.network.get_output_embeddings()
        if head is None or self.network.base_model is self.network:
            return False
        probe = torch.arange(_PROBE, device=self.device)[None] % self.vocab_size
        with torch.inference_mode():
            whole = self.network(input_ids=probe, use_cache=False).logits
            state = self.network.base_model(input_ids=probe, use_cache=False)[0]
            if state.shape[-1] != head.weight.shape[-1]:
                return False
            return bool(torch.allclose(head(state), whole, rtol=1e-4, atol=1e-4))


def open_pretrained(folder: Path, what: str, **settings: Any) -> tuple[Any, Any]:
    """(network, tokenizer) of a folder that transformers can write text with, of either kind.

    Nothing is fetched, no code of the folder is run, no pickle is read. ValueError says in a line
    what is wrong: the folder holds no `what`, is damaged, or lacks weights.
    """
    transformers = load_transformers()
    own = {"local_files_only": True, "trust_remote_code": False}
    with quiet(transformers), _one_line(folder, what):
        config = transformers.AutoConfig.from_pretrained(folder, **own)
        kind = (
            transformers.AutoModelForSeq2SeqLM
            if config.is_encoder_decoder
            else transformers.AutoModelForCausalLM
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **own)
        network, about = kind.from_pretrained(
            folder, use_safetensors=True, output_loading_info=True, **own, **settings
        )
    missing = [*about["missing_keys"], *about["mismatched_keys"]]
    if missing:
        raise ValueError(f"{folder} lacks weights ({missing[0]!s:.80}); fetch the model again")
    return network, tokenizer


def load_transformers() -> Any:
    """The transformers library; ValueError says how to get it."""
    try:
        import transformers
    except ModuleNotFoundError:
        raise ValueError("this model needs transformers; install hallmark[encoder]") from None
    return transformers


@contextmanager
def quiet(transformers: Any) -> Iterator[None]:
    """Errors only and no bars, as long as the block lasts."""
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def _one_line(folder: Path, what: str) -> Iterator[None]:
    """Whatever transformers says of a folder, as one ValueError."""
    try:
        yield
    except Exception as error:  # a damaged folder raises whatever it likes
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{folder} holds no {what} ({reason:.200})") from None
