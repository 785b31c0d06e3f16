"""OpenAI's files in the format of their year, and the published sizes by their shapes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from hallmark.detect.encoder import Encoder
from hallmark.detect.encoders.published import load_checkpoint, shape_of

TEXTS = ["The ship left the harbour in the morning.", "the the the", "\u00e9" * 40, "<s> </s>"]


def theirs(folder: Path, texts: list[str]) -> np.ndarray:
    """The plain way: transformers' tokenizer and model, one text at a time; (N, 2) logits."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = transformers.RobertaForSequenceClassification.from_pretrained(folder).eval()
    rows = []
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)[:62]
        ids = [tokenizer.bos_token_id, *ids, tokenizer.eos_token_id]
        with torch.no_grad():
            rows.append(model(torch.tensor([ids])).logits[0].numpy())
    return np.array(rows)


def write(path: Path, folder: Path) -> Path:
    """As PyTorch wrote files before 1.6, with what an older transformers had in its state."""
    model = transformers.RobertaForSequenceClassification.from_pretrained(folder)
    state = dict(model.state_dict())
    state["roberta.embeddings.position_ids"] = torch.arange(66)[None]
    for name, shape in (("weight", (128, 128)), ("bias", (128,))):
        state[f"roberta.pooler.dense.{name}"] = torch.randn(shape)
    parameter = torch.nn.Parameter(torch.zeros(3))
    optimiser = torch.optim.Adam([parameter], lr=2e-5)
    parameter.sum().backward()
    optimiser.step()
    whole = {
        "epoch": 1, "model_state_dict": state, "optimizer_state_dict": optimiser.state_dict(),
        "args": {"large": False, "max_epochs": None, "real_dataset": "webtext", "kwargs": {}},
    }  # fmt: skip
    torch.save(whole, path, _use_new_zipfile_serialization=False)
    return path


def test_the_format_of_its_year(make_roberta: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_roberta("base")
    found = load_checkpoint(write(tmp_path / "detector-base.pt", folder), tokenizer=folder)
    detector = Encoder.of(found.network, found.vocabulary, normalised=False)
    logits = theirs(folder, TEXTS)  # OpenAI's order: fake, real
    np.testing.assert_allclose(detector.score(TEXTS), logits[:, 0] - logits[:, 1], atol=1e-5)


class Wicked:
    """What would run code where a pickle is trusted."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_damaged_and_wicked_ones(make_roberta: Callable[..., Path], tmp_path: Path) -> None:
    folder, path = make_roberta("base"), tmp_path / "detector-base.pt"
    whole = write(path, folder).read_bytes()
    contents = [whole[: len(whole) // 2], whole[:100], b"", b"a page that says 404"]
    torch.save(Wicked(tmp_path / "owned"), path, _use_new_zipfile_serialization=False)
    contents.append(path.read_bytes())
    for content in contents:
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is not a whole file of tensors") as caught:
            load_checkpoint(path, tokenizer=folder)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 500
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(("layers", "width", "heads"), [(12, 768, 12), (24, 1024, 16)])
def test_the_published_sizes(layers: int, width: int, heads: int) -> None:
    """RoBERTa-base and -large, told from the shapes of their tensors alone."""
    names = {
        "embeddings.word_embeddings.weight": (50265, width),
        "embeddings.position_embeddings.weight": (514, width),
    } | {f"encoder.layer.{i}.intermediate.dense.weight": (4 * width, width)
         for i in range(layers)}  # fmt: skip
    state = {f"roberta.{n}": torch.empty(s, device="meta") for n, s in names.items()}
    shape = shape_of(state, where=Path("x"))
    assert (shape["num_hidden_layers"], shape["hidden_size"]) == (layers, width)
    assert (shape["num_attention_heads"], shape["intermediate_size"]) == (heads, 4 * width)
    assert (shape["vocab_size"], shape["max_position_embeddings"]) == (50265, 514)
