"""Others' detectors: logits against transformers', whose labels are turned, and bad files."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

from hallmark.detect.encoder import Encoder
from hallmark.detect.encoders.published import (
    Published,
    load_checkpoint,
    load_detector,
    load_folder,
    synthetic_label,
)
from hallmark.detect.encoders.starts import begin

TEXTS = ["The ship left the harbour.", "It was late: 12 days, and <s>nobody</s> spoke.", "th"]
LABELS = {0: "Fake", 1: "Real"}


pytestmark = pytest.mark.usefixtures("one_thread")


def save_tokenizer(folder: Path) -> None:
    """RoBERTa's special ids, 256 bytes and a merge."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["<s>", "<pad>", "</s>", "<unk>", *letters, "th", "<mask>"]
    tokenizer = Tokenizer(models.BPE({w: i for i, w in enumerate(words)}, [("t", "h")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", cls_token="<s>",
        sep_token="</s>", pad_token="<pad>", unk_token="<unk>", mask_token="<mask>",
    ).save_pretrained(folder)  # fmt: skip


def roberta(*, labels: dict[int, str], seed: int = 0) -> Any:
    config = transformers.RobertaConfig(
        vocab_size=261, hidden_size=128, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=66, type_vocab_size=1, layer_norm_eps=1e-5,
        id2label=labels, label2id={name: i for i, name in labels.items()},
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = transformers.RobertaForSequenceClassification(config)
        for p in network.parameters():  # so that logits differ between texts
            torch.nn.init.normal_(p, std=0.2)
    return network.eval()


@pytest.fixture(scope="module")
def oracle() -> Any:
    return roberta(labels=LABELS)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words")
    save_tokenizer(folder)
    return folder


@pytest.fixture(scope="module")
def checkpoint(oracle: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the keys of OpenAI's detector-base.pt; `args` is a dict there too."""
    path = tmp_path_factory.mktemp("openai") / "detector-base.pt"
    optimiser = torch.optim.Adam(oracle.parameters())
    state = dict(oracle.state_dict())
    state["roberta.pooler.dense.weight"] = torch.zeros(128, 128)  # theirs has one, never used
    state["roberta.pooler.dense.bias"] = torch.zeros(128)
    args = {"max_epochs": None, "device": None, "large": False, "max_sequence_length": 128}
    torch.save(
        {"epoch": 3, "model_state_dict": state,
         "optimizer_state_dict": optimiser.state_dict(), "args": args}, path,
    )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def folder(oracle: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As openai-community/roberta-base-openai-detector is laid out."""
    path = tmp_path_factory.mktemp("published")
    oracle.save_pretrained(path)
    save_tokenizer(path)
    return path


def oracle_logits(oracle: Any, folder: Path, text: str) -> list[float]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = tokenizer.backend_tokenizer
    ids.encode_special_tokens = True
    own = [0, *ids.encode(text, add_special_tokens=False).ids, 2]
    with torch.no_grad():
        logits: list[float] = oracle(torch.tensor([own])).logits[0].double().tolist()
    return logits


def scored(found: Published, texts: list[str]) -> list[float]:
    return Encoder.of(found.network, found.vocabulary, normalised=False).score(texts).tolist()


def test_openais_checkpoint_has_the_logits_of_transformers(
    checkpoint: Path, oracle: Any, words: Path
) -> None:
    found = load_checkpoint(checkpoint, tokenizer=words)
    expected = [oracle_logits(oracle, words, text) for text in TEXTS]
    ids = [torch.tensor([[0, *row.tolist(), 2]]) for row in found.vocabulary.encode(TEXTS, most=60)]
    with torch.no_grad():
        own = [found.network.network(input_ids=row).logits[0].tolist() for row in ids]
    np.testing.assert_allclose([row[::-1] for row in own], expected, atol=1e-5)
    odds = [fake - real for fake, real in expected]
    assert max(odds) - min(odds) > 0.01
    np.testing.assert_allclose(scored(found, TEXTS), odds, atol=1e-5)


def test_the_label_flip(checkpoint: Path, oracle: Any, words: Path) -> None:
    """OpenAI's label 0 is fake, so the odds of their label 0 are our score, with its sign."""
    fake, real = oracle_logits(oracle, words, TEXTS[0])
    (score,) = scored(load_checkpoint(checkpoint, tokenizer=words), TEXTS[:1])
    assert abs(fake - real) > 0.01
    assert score == pytest.approx(fake - real, abs=1e-5)
    assert score != pytest.approx(real - fake, abs=1e-3)


@pytest.mark.parametrize(
    ("labels", "sign"),
    [({0: "Fake", 1: "Real"}, -1), ({0: "Real", 1: "Fake"}, 1), ({0: "Human", 1: "AI"}, 1)],
)
def test_a_folder_turns_by_the_names_of_its_labels(
    labels: dict[int, str], sign: int, tmp_path: Path
) -> None:
    network = roberta(labels=labels)
    network.save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    first, second = oracle_logits(network, tmp_path, TEXTS[0])
    (score,) = scored(load_detector(tmp_path), TEXTS[:1])
    assert score == pytest.approx(sign * (second - first), abs=1e-5)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"0": "Fake", "1": "Real"}, 0), ({"0": "human-written", "1": "machine"}, 1),
        ({"0": "LABEL_0", "1": "LABEL_1"}, None), ({"0": "Fake", "1": "Fake"}, None),
        ({"0": "Real"}, None), (None, None),
    ],
)  # fmt: skip
def test_names_of_labels(labels: Any, expected: int | None) -> None:
    assert synthetic_label(labels) == expected


def test_labels_without_names_are_refused(tmp_path: Path) -> None:
    roberta(labels={0: "LABEL_0", 1: "LABEL_1"}).save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    with pytest.raises(ValueError, match="does not say which label is synthetic"):
        load_detector(tmp_path)


def test_a_published_folder_is_where_training_begins(folder: Path, oracle: Any) -> None:
    network, vocabulary, rate_of = begin(str(folder), home=None, seed=0)
    assert rate_of == "roberta"
    own, theirs = network.state_dict(), oracle.roberta.state_dict()
    for name, tensor in theirs.items():
        torch.testing.assert_close(own[f"network.roberta.{name}"], tensor)
    assert (vocabulary.specials.before, vocabulary.specials.after) == ((0,), (2,))


def test_a_missing_head_is_new_and_the_same_for_a_seed(tmp_path: Path, oracle: Any) -> None:
    oracle.roberta.save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    one, same, other = (load_folder(tmp_path, seed=seed) for seed in (1, 1, 2))
    assert not one.trained
    heads = [found.network.network.classifier.dense.weight for found in (one, same, other)]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def refused(path: Path, words: Path, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        load_checkpoint(path, tokenizer=words)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_pickle_that_runs_code_is_refused_and_not_run(words: Path, tmp_path: Path) -> None:
    class Wicked:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"model_state_dict": Wicked()}, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(pickle.dumps(Wicked()))
    for name in ("a.pt", "b.pt"):
        refused(tmp_path / name, words, "not a whole file of tensors and plain values")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("size", [0, 10, 5000, -100])
def test_a_truncated_checkpoint(size: int, checkpoint: Path, words: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.pt"
    path.write_bytes(checkpoint.read_bytes()[:size])
    refused(path, words, "fetch it again")


def changed(checkpoint: Path, path: Path, **changes: Any) -> Path:
    """The checkpoint with tensors replaced; None removes what begins with the name."""
    state = torch.load(checkpoint, weights_only=True)["model_state_dict"]
    for name, tensor in changes.items():
        key = name.replace("__", ".")
        state = {n: t for n, t in state.items() if not n.startswith(key)}
        if tensor is not None:
            state[key] = tensor
    torch.save({"model_state_dict": state}, path)
    return path


@pytest.mark.parametrize(
    ("name", "tensor", "said"),
    [
        ("roberta__embeddings", None, "another model than RoBERTa"),
        ("roberta__encoder__layer__1__output", None, "lacks roberta.encoder.layer.1.output"),
        ("classifier", None, "no classification head"),
        ("classifier__out_proj__bias", torch.zeros(3), r"shape \(3,\)"),
        ("classifier__out_proj__bias", torch.tensor([0.0, torch.nan]), "NaN or infinity"),
        ("roberta__extra", torch.zeros(1), "has roberta.extra"),
    ],
)
def test_another_model(
    checkpoint: Path, words: Path, tmp_path: Path, name: str, tensor: Any, said: str
) -> None:
    refused(changed(checkpoint, tmp_path / "other.pt", **{name: tensor}), words, said)


def test_a_file_of_another_kind(words: Path, tmp_path: Path) -> None:
    torch.save({"model": {}}, tmp_path / "other.pt")
    refused(tmp_path / "other.pt", words, "has no model_state_dict")
    with pytest.raises(FileNotFoundError, match="is not there"):
        load_checkpoint(tmp_path / "none.pt", tokenizer=words)


def test_a_damaged_tokenizer(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": 1}))
    with pytest.raises(ValueError, match="holds no fast tokenizer"):
        load_checkpoint(checkpoint, tokenizer=tmp_path)
