"""Other people's causal models, with random weights, against log-softmax and published formulas."""

from __future__ import annotations

import json
import math
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from hallmark.detect.statistics import fast_detectgpt, gltr_shares
from hallmark.detect.zeroshot import ZeroShot
from hallmark.lm import foreign, predictions
from hallmark.lm.foreign import ForeignModel
from hallmark.lm.model import LanguageModel
from hallmark.lm.scorers import check_shared_vocabulary, cross_entropies, load_scorer
from hallmark.models.checkpoint import save_huggingface
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import GPT2Config
from hallmark.models.tokenizer import Tokenizer as OwnTokenizer

TEXT = "The ship left the harbour in the morning, and the crew said nothing: 12 days."
SIZE = 272  # rows of the embedding; the vocabulary is smaller, as it often is
FIELDS = ("log_prob", "rank", "entropy", "variance")
CONFIGS = {
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 48},
    "opt": {"hidden_size": 32, "ffn_dim": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
            "max_position_embeddings": 48, "word_embed_proj_dim": 16},
    "gpt_neox": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
                 "num_attention_heads": 2, "max_position_embeddings": 48},
    "llama": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
              "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 48},
    "cohere": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
               "num_attention_heads": 2, "num_key_value_heads": 2, "logit_scale": 0.25,
               "max_position_embeddings": 48},
}  # fmt: skip


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def save_tokenizer(folder: Path, *, bos: str | None = "<s>", extra: str = "") -> None:
    """A byte-level tokenizer of 256 bytes, one merge and its special tokens."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: i for i, token in enumerate([*letters, "th", *extra])}
    tokenizer = Tokenizer(models.BPE(vocab, [("t", "h")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=bos, eos_token="</s>"
    )
    fast.save_pretrained(folder)


def save_model(folder: Path, kind: str, *, seed: int = 0, size: int = SIZE) -> Path:
    values = {"vocab_size": size, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    config = transformers.AutoConfig.for_model(kind, **CONFIGS[kind], **values)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = transformers.AutoModelForCausalLM.from_config(config)
        for p in network.parameters():  # sharper than at the start of training
            if p.ndim == 2:
                torch.nn.init.normal_(p, std=0.2)
    network.save_pretrained(folder)
    save_tokenizer(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {kind: save_model(root / kind, kind) for kind in CONFIGS}


def plain_logits(folder: Path, ids: list[int]) -> torch.Tensor:
    network = transformers.AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    with torch.no_grad():
        logits: torch.Tensor = network.eval()(torch.tensor([ids])).logits[0].double()
    return logits


@pytest.mark.parametrize("kind", CONFIGS)
def test_scores_are_the_log_softmax_of_the_model(kind: str, folders: dict[str, Path]) -> None:
    model = ForeignModel.load(folders[kind])
    assert model._head_is_apart is (kind != "cohere")  # whose logits are scaled behind the head
    text = TEXT[:40]
    ids = model.tokenizer.encode(text)
    assert model.tokenizer.decode(ids) == text
    (found,) = model.score([text])
    log_p = plain_logits(folders[kind], [model.tokenizer.eot, *ids[:-1]]).log_softmax(-1)
    chosen = log_p.gather(1, torch.tensor(ids)[:, None])
    entropy = -(log_p.exp() * log_p).sum(1)
    expected = {
        "log_prob": chosen[:, 0], "entropy": entropy, "rank": 1 + (log_p > chosen).sum(1),
        "variance": (log_p.exp() * log_p**2).sum(1) - entropy**2,
    }  # fmt: skip
    for name, values in expected.items():
        np.testing.assert_allclose(getattr(found, name), values, atol=2e-4, rtol=1e-4)
    assert found.tokens.tolist() == ids
    assert found.tokens_total == len(ids)
    assert found.rank.max() > 10  # the weights are sharp enough for ranks to mean something


@pytest.mark.parametrize("kind", ["gpt2", "opt", "llama"])
def test_longer_texts_go_through_in_windows(kind: str, folders: dict[str, Path]) -> None:
    model = ForeignModel.load(folders[kind])
    ids = model.tokenizer.encode(TEXT)
    assert len(ids) > model.n_ctx == 48
    (found,) = model.score([TEXT])
    log_p = plain_logits(folders[kind], ids[len(ids) - 49 : -1]).log_softmax(-1)
    last = log_p[-1, ids[-1]]
    assert found.log_prob[-1] == pytest.approx(float(last), abs=1e-4)
    assert len(found) == len(ids)
    (cut,) = model.score([TEXT], max_tokens=9)
    assert (len(cut), cut.tokens_total) == (9, len(ids))
    np.testing.assert_allclose(cut.log_prob, found.log_prob[:9], atol=1e-4)


def test_blocks_change_nothing(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    model = ForeignModel.load(folders["gpt_neox"])
    whole = model.score([TEXT, ""])
    monkeypatch.setattr(predictions, "_BLOCK_BYTES", 4 * SIZE * 5)
    parts = model.score([TEXT, ""])
    for name in FIELDS:
        one, other = (getattr(scores[0], name) for scores in (whole, parts))
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert len(parts[1]) == 0


def test_fast_detectgpt_as_its_paper_defines_it(folders: dict[str, Path]) -> None:
    """Bao et al. 2024, equations 3 to 5, with one model for sampling and scoring.

    d = (log p(x) - mu) / sigma; mu is the sum over positions of the expectation of log p under
    the model, sigma^2 the sum of its variance.
    """
    model = ForeignModel.load(folders["opt"])
    text = TEXT[:40]
    ids = model.tokenizer.encode(text)
    p = plain_logits(folders["opt"], [model.tokenizer.eot, *ids[:-1]]).softmax(-1).numpy()
    log_p = np.log(p)
    mean = (p * log_p).sum(1)
    spread = (p * (log_p - mean[:, None]) ** 2).sum(1)
    own = log_p[np.arange(len(ids)), ids]
    expected = (own.sum() - mean.sum()) / math.sqrt(spread.sum())
    assert fast_detectgpt(model.score([text])[0]) == pytest.approx(expected, abs=1e-3)
    assert ZeroShot("fast-detectgpt", model).score([text])[0] == pytest.approx(expected, abs=1e-3)


def test_gltr_as_its_paper_defines_it(folders: dict[str, Path]) -> None:
    """Gehrmann et al. 2019: a token's place in the sorted predictions, in top 10, 100, 1000."""
    model = ForeignModel.load(folders["llama"])
    text = TEXT[:40]
    ids = model.tokenizer.encode(text)
    logits = plain_logits(folders["llama"], [model.tokenizer.eot, *ids[:-1]])
    order = logits.argsort(dim=1, descending=True)
    places = [order[i].tolist().index(token) for i, token in enumerate(ids)]  # from 0, as GLTR's
    expected = [
        np.mean([low <= place < high for place in places])
        for low, high in ((0, 10), (10, 100), (100, 1000), (1000, math.inf))
    ]
    np.testing.assert_allclose(gltr_shares(model.score([text])[0]), expected)
    assert 0 < expected[1] < 1


def test_binoculars_of_two_kinds(folders: dict[str, Path], tmp_path: Path) -> None:
    """Hans et al. 2024: minus perplexity over cross-perplexity, both as logarithms."""
    padded = save_model(tmp_path / "padded", "llama", seed=3, size=SIZE + 16)
    observer, performer = ForeignModel.load(folders["opt"]), ForeignModel.load(padded)
    text = TEXT[:40]
    ids = performer.tokenizer.encode(text)
    inputs = [performer.tokenizer.eot, *ids[:-1]]
    theirs = plain_logits(folders["opt"], inputs).log_softmax(-1)
    cut = plain_logits(padded, inputs)[:, :SIZE].log_softmax(-1)
    expected = -(theirs.exp() * cut).sum(1)
    (crossed,) = cross_entropies(observer, performer, [text])
    np.testing.assert_allclose(crossed, expected, atol=1e-3)
    found = ZeroShot("binoculars", performer, observer=observer).score([text, ""])
    likelihood = performer.score([text])[0].log_prob.mean()
    assert found[0] == pytest.approx(likelihood / float(expected.mean()), abs=1e-4)
    assert np.isnan(found[1])


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 that both Hallmark and transformers open."""
    tokenizer = OwnTokenizer([(b"t", b"h"), (b"th", b"e")])
    config = GPT2Config(n_layer=1, n_head=2, n_embd=16, n_ctx=48, vocab_size=tokenizer.n_vocab)
    network = GPT2(config)
    network.initialise(torch.Generator().manual_seed(0))
    with torch.no_grad():
        network.wte.weight.mul_(10)
    folder = tmp_path_factory.mktemp("plain") / "gpt2"
    save_huggingface(folder, network, tokenizer)
    return folder


def test_own_and_foreign_agree_and_may_be_paired(plain: Path) -> None:
    own, other = load_scorer(plain), ForeignModel.load(plain)
    assert isinstance(own, LanguageModel)
    for name in FIELDS:
        one, two = (getattr(model.score([TEXT])[0], name) for model in (own, other))
        np.testing.assert_allclose(one, two, atol=1e-4, rtol=1e-4)
    check_shared_vocabulary(own, other)
    pairs = [cross_entropies(a, b, [TEXT[:40]])[0] for a in (own, other) for b in (own, other)]
    for crossed in pairs[1:]:
        np.testing.assert_allclose(crossed, pairs[0], atol=1e-4)


def test_two_vocabularies_are_refused(folders: dict[str, Path], plain: Path) -> None:
    one, other = load_scorer(folders["opt"]), load_scorer(plain)
    assert isinstance(one, ForeignModel)
    with pytest.raises(ValueError, match=r"opt and gpt2 do not share one vocabulary.*tokens, such"):
        ZeroShot("binoculars", other, observer=one)


def test_a_gpt2_of_another_arithmetic_is_read_by_transformers(plain: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    for file in plain.iterdir():
        if file.name != "manifest.json":
            (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"activation_function": "relu"}))
    model = load_scorer(folder)
    assert isinstance(model, ForeignModel)
    assert (
        abs(model.score([TEXT])[0].log_prob - load_scorer(plain).score([TEXT])[0].log_prob).max()
        > 0
    )


def test_special_tokens_in_a_text_are_text(folders: dict[str, Path]) -> None:
    tokenizer = ForeignModel.load(folders["opt"]).tokenizer
    assert tokenizer.eot not in tokenizer.encode("a <s> b </s>")
    assert tokenizer.decode_bytes(tokenizer.encode("é </s>")) == "é </s>".encode()


def test_bf16(folders: dict[str, Path]) -> None:
    model = load_scorer(folders["llama"], precision="bf16")
    assert model.precision == "bf16"
    full = load_scorer(folders["llama"], precision="auto")
    assert full.precision == "float32"
    difference = np.abs(model.score([TEXT])[0].log_prob - full.score([TEXT])[0].log_prob)
    assert 0 < difference.max() < 0.5
    with pytest.raises(ValueError, match="opens in float32 or bf16, not int8"):
        load_scorer(folders["llama"], precision="int8")


def message(folder: Path) -> str:
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        load_scorer(folder)
    found = str(caught.value)
    assert "\n" not in found
    assert len(found) < 500
    assert str(folder) in found
    return found


def test_what_does_not_open_is_said_in_a_line(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = save_model(tmp_path / "m", "llama")
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    assert "holds no causal model that opens" in message(folder)
    weights.unlink()
    torch.save({}, folder / "pytorch_model.bin")  # a pickle is not looked at
    assert "holds no causal model that opens" in message(folder)
    weights.write_bytes((folders["opt"] / "model.safetensors").read_bytes())
    assert "lacks weights" in message(folder)
    weights.write_bytes(whole)
    (folder / "tokenizer.json").write_text("{}")
    assert "holds no causal model that opens" in message(folder)
    save_tokenizer(folder, bos=None)
    assert load_scorer(folder).tokenizer.eot == load_scorer(folder).tokenizer.encoder()["</s>"]
    save_tokenizer(folder, extra="абвгдежзийклмнопрстуфхцч")
    with pytest.raises(ValueError, match="has 283 tokens and its network 272; use the two of one"):
        load_scorer(folder)


def test_remote_code_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = save_model(tmp_path / "m", "llama")
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "wicked",
        "auto_map": {"AutoConfig": "code.C", "AutoModelForCausalLM": "code.M"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text("raise SystemExit('code of the folder was run')")
    assert "holds no causal model that opens" in message(folder)


def test_without_transformers(monkeypatch: pytest.MonkeyPatch, folders: dict[str, Path]) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ValueError, match=r"install hallmark\[encoder\]"):
        foreign.load_transformers()
