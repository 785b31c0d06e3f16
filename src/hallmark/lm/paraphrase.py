"""Texts said in other words by a model of the user's own, in a folder that transformers reads.

Hallmark brings no such model. Nothing is fetched, no code of the folder is run, no pickle is read.
"""

from __future__ import annotations

import re
from pathlib import Path

from hallmark.lm.foreign import open_pretrained
from hallmark.models.folder import check_manifest

PROMPT = "paraphrase: {}"
SENTENCES = 3  # said again at once, as in RAID
TOP_P = 0.75  # as in RAID
_MOST_TOKENS = 512
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


class Paraphraser:
    """A sequence-to-sequence or causal model with the prompt that makes it paraphrase."""

    def __init__(self, folder: Path, *, prompt: str = PROMPT) -> None:
        """Load it; ValueError where the folder holds no such model or the prompt has no {}."""
        if prompt.count("{}") != 1:
            raise ValueError(f"the prompt must hold {{}} once, for the text, not {prompt[:60]!r}")
        if not (folder / "config.json").is_file():
            raise ValueError(f"{folder} holds no model (no config.json); give a folder of one")
        check_manifest(folder)
        self.prompt = prompt
        network, self.tokenizer = open_pretrained(folder, "model that paraphrases")
        self.model = network.eval()
        self.rewrites = bool(network.config.is_encoder_decoder)

    def __call__(self, text: str, seed: int) -> str:
        """The text in other words, three sentences at a time; the same seed says the same."""
        import torch

        sentences = _SENTENCE_END.split(text.strip())
        pieces = [
            " ".join(sentences[at : at + SENTENCES]) for at in range(0, len(sentences), SENTENCES)
        ]
        with torch.random.fork_rng(devices=[]), torch.inference_mode():
            torch.manual_seed(seed)
            return " ".join(self._say_again(piece) for piece in pieces)

    def _say_again(self, piece: str) -> str:
        given = self.tokenizer(self.prompt.replace("{}", piece), return_tensors="pt")
        ids = given["input_ids"]
        end = self.tokenizer.eos_token_id
        written = self.model.generate(
            ids, attention_mask=given["attention_mask"], do_sample=True, top_p=TOP_P, top_k=0,
            max_new_tokens=_MOST_TOKENS, pad_token_id=self.model.config.pad_token_id or end,
        )[0]  # fmt: skip
        new = written if self.rewrites else written[ids.shape[1] :]
        return str(self.tokenizer.decode(new, skip_special_tokens=True)).strip()
