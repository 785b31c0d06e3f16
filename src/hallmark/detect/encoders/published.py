"""Encoders that others published: transformers' folders, and OpenAI's detector-*.pt.

Their labels are turned here, once: OpenAI has real = 1 and fake = 0, everything that leaves this
module has SYNTHETIC = 1. Nothing runs code: weights are safetensors, and a .pt is read with
PyTorch's `weights_only`, which knows tensors and plain values alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hallmark.detect.encoders.network import SMALL, Transformer, build
from hallmark.detect.encoders.vocabulary import HuggingFace, Specials
from hallmark.lm.foreign import load_transformers, quiet
from hallmark.models.folder import check_manifest, read_json
from hallmark.models.huggingface import open_weights

_WANTED = "give the folder of an encoder, such as roberta-base's"
_PUBLISHED = "give the file detector-base.pt or -large.pt"
_HEAD_WIDTH = 64  # of an attention head, in RoBERTa of both sizes
_NOT_USED = re.compile(r".*\.(?:position_ids|token_type_ids)|lm_head\..*|cls\..*|.*\.pooler\..*")
_FLOATS = ("F32", "F16", "BF16")
_SYNTHETIC = {"fake", "synthetic", "generated", "machine", "ai", "model"}
_HUMAN = {"real", "human"}

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Published:
    """A network, its vocabulary, and whether its head already tells human from synthetic."""

    network: Transformer
    vocabulary: HuggingFace
    trained: bool


def load_folder(folder: Path, *, seed: int = 0) -> Published:
    """An encoder's folder as transformers saves it; a missing head is made from `seed`.

    ValueError or FileNotFoundError says in one line what is wrong. Never goes online.
    """
    check_manifest(folder)
    config = read_json(folder / "config.json")
    vocabulary = read_vocabulary(folder)
    try:
        network = build(Transformer.kind, config, seed=seed)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}; {_WANTED}") from None
    assert isinstance(network, Transformer)
    files = open_weights(folder)
    used = network.network.state_dict()
    state = {
        name: file.read(name, dtypes=_FLOATS).float()
        for name, file in files.items()
        if name in used or not _NOT_USED.fullmatch(name)
    }
    synthetic = synthetic_label(config.get("id2label"))
    ordered = turned(state, network, synthetic=1 if synthetic is None else synthetic)
    whole = fill(network, ordered, where=folder)
    return Published(network.eval(), vocabulary, whole and synthetic is not None)


def load_detector(folder: Path) -> Published:
    """A detector's folder as transformers saves it, such as openai-community/roberta-*-detector.

    ValueError where its labels' names do not say which is synthetic.
    """
    found = load_folder(folder)
    if not found.trained:
        raise ValueError(
            f"{folder} does not say which label is synthetic (id2label with Fake and Real), so it "
            "is no detector; `hallmark detector train --encoder` makes one of it"
        )
    return found


def load_checkpoint(path: Path, *, tokenizer: Path) -> Published:
    """OpenAI's detector-base.pt or detector-large.pt, with the tokenizer in a RoBERTa's folder.

    The file holds `model_state_dict` beside epoch, optimiser and arguments. ValueError or
    FileNotFoundError says in one line what is wrong.
    """
    found = read_checkpoint(path)
    state = found.get("model_state_dict") if isinstance(found, dict) else None
    if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
        raise ValueError(f"{path} has no model_state_dict of tensors; {_PUBLISHED}")
    network = build(Transformer.kind, shape_of(state, where=path))
    assert isinstance(network, Transformer)
    own = {name: t.float() for name, t in state.items() if not _NOT_USED.fullmatch(name)}
    if not fill(network, turned(own, network, synthetic=0), where=path):
        raise ValueError(f"{path} has no classification head; {_PUBLISHED}")
    return Published(network.eval(), read_vocabulary(tokenizer), trained=True)


def read_checkpoint(path: Path) -> Any:
    """What a file of torch.save holds, if that is tensors and plain values alone."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; {_PUBLISHED}")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or wicked file raises whatever it likes
        reason = " ".join(str(error).split()).partition(".")[0]
        raise ValueError(
            f"{path} is not a whole file of tensors and plain values ({reason:.120}); it was not "
            "opened any further: fetch it again from where it was published"
        ) from None


def shape_of(state: Tensors, *, where: Path) -> dict[str, Any]:
    """The RoBERTa that a state dict is of, from the shapes of its tensors."""
    try:
        words, places = (
            state[f"roberta.embeddings.{name}_embeddings.weight"] for name in ("word", "position")
        )
        inner = state["roberta.encoder.layer.0.intermediate.dense.weight"]
    except KeyError as error:
        raise ValueError(
            f"{where} holds another model than RoBERTa (it lacks {error}); {_PUBLISHED}"
        ) from None
    layers = {m[1] for name in state if (m := re.match(r"roberta\.encoder\.layer\.(\d+)\.", name))}
    return SMALL | {
        "vocab_size": words.shape[0], "hidden_size": words.shape[-1],
        "max_position_embeddings": places.shape[0], "num_hidden_layers": len(layers),
        "num_attention_heads": max(1, words.shape[-1] // _HEAD_WIDTH),
        "intermediate_size": inner.shape[0],
    }  # fmt: skip


def synthetic_label(labels: Any) -> int | None:
    """Which label says synthetic, by the labels' names; None where the names do not say."""
    if not isinstance(labels, Mapping) or set(map(str, labels)) != {"0", "1"}:
        return None
    words = [set(re.split(r"[^a-z]+", str(labels[k]).lower())) for k in sorted(labels, key=str)]
    for synthetic in (0, 1):
        if words[synthetic] & _SYNTHETIC and words[1 - synthetic] & _HUMAN:
            return synthetic
    return None


def turned(state: Tensors, network: Transformer, *, synthetic: int) -> dict[str, Tensor]:
    """The state with the head's outputs ordered human, synthetic; `synthetic` says which was."""
    if synthetic == 1:
        return dict(state)
    prefix = network.network.base_model_prefix + "."
    return {
        name: tensor.flip(0) if not name.startswith(prefix) and len(tensor) == 2 else tensor
        for name, tensor in state.items()
    }


def fill(network: Transformer, state: Tensors, *, where: Path) -> bool:
    """Put weights into the network; whether its head was among them.

    ValueError names what is missing, unexpected or of another shape.
    """
    prefix = network.network.base_model_prefix + "."
    expected = network.network.state_dict()
    if not any(name.startswith(prefix) for name in state):
        state = {prefix + name: tensor for name, tensor in state.items()}
    own = {name: tensor for name, tensor in state.items() if name in expected}
    missing = [n for n in expected if n not in own and n.startswith(prefix) and ".pooler." not in n]
    for what, names in (("lacks", missing), ("has", [n for n in state if n not in expected])):
        if names:
            raise ValueError(
                f"{where} {what} {names[0]:.80}, unlike a {network.network.config.model_type} that "
                "classifies; give the folder or file of one"
            )
    for name, tensor in own.items():
        if tensor.shape != expected[name].shape:
            raise ValueError(
                f"{where}: {name} has shape {tuple(tensor.shape)} where the config says "
                f"{tuple(expected[name].shape)}; fetch it again"
            )
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{where}: {name} holds NaN or infinity; fetch it again")
    network.network.load_state_dict(own, strict=False)
    return all(name in own for name in expected if not name.startswith(prefix))


def read_vocabulary(folder: Path) -> HuggingFace:
    """The fast tokenizer in a folder of transformers'."""
    transformers = load_transformers()
    try:
        with quiet(transformers):
            found = transformers.AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        text = found.backend_tokenizer.to_str()
    except Exception as error:  # whatever the file holds
        reason = " ".join(str(error).split())
        raise ValueError(f"{folder} holds no fast tokenizer ({reason:.120}); {_WANTED}") from None
    before, after = found.cls_token_id, found.sep_token_id
    hidden = found.unk_token_id if found.unk_token_id is not None else found.mask_token_id
    if None in (before, after, hidden, found.pad_token_id):
        raise ValueError(f"the tokenizer in {folder} lacks <s>, </s>, <pad> or <unk>; {_WANTED}")
    specials = Specials((before,), (after,), found.pad_token_id, hidden)
    return HuggingFace(text, specials, where=folder)
