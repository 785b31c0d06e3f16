"""Hallmark's own int8 folders: error bound, size, and damage."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from hallmark.models import checkpoint
from hallmark.models.quantised import WEIGHTS
from hallmark.models.rounding import from_rows, quantise
from hallmark.models.sizes import MANIFEST, GPT2Config


@pytest.fixture
def folder(tiny, tiny_tokenizer, tmp_path):
    checkpoint.save_quantised(tmp_path / "own", tiny, tiny_tokenizer, facts={"steps": 7})
    return tmp_path / "own"


def test_no_entry_is_off_by_more_than_half_a_step():
    matrix = torch.randn(50, 300, generator=torch.Generator().manual_seed(0))
    matrix[7] = 0
    matrix[8] *= 1e-20
    whole, scale = quantise(matrix)
    error = (from_rows(whole, scale) - matrix).abs().amax(dim=1)
    assert (error <= 0.5001 * matrix.abs().amax(dim=1) / 127).all()
    assert whole.abs().max() == 127


@torch.no_grad()
def test_round_trip_keeps_the_predictions(make_network, gpt2_tokenizer, tmp_path):
    config = GPT2Config(n_layer=2, n_head=2, n_embd=64, n_ctx=64)
    network = make_network(config)
    checkpoint.save_quantised(tmp_path, network, gpt2_tokenizer)
    loaded, tokenizer = checkpoint.load(tmp_path)
    assert loaded.config == config
    assert tokenizer.n_vocab == 50_257
    for name, tensor in loaded.state_dict().items():
        if tensor.ndim == 1:
            assert torch.equal(tensor, network.state_dict()[name])
    tokens = torch.randint(50_257, (2, 30), generator=torch.Generator().manual_seed(1))
    before = network.logits(network(tokens)).log_softmax(-1)
    after = loaded.logits(loaded(tokens)).log_softmax(-1)
    divergence = (before.exp() * (before - after)).sum(-1)
    assert divergence.mean() < 1e-4
    assert (tmp_path / WEIGHTS).stat().st_size < 1.1 * config.parameters + 0.1 * 2**20


def test_saving_twice_gives_the_same_bytes_and_loading_the_same_network(
    folder, tiny, tiny_tokenizer, same
):
    files = {p.name: p.read_bytes() for p in folder.iterdir()}
    assert files.keys() == {WEIGHTS, "config.json", "vocab.bpe", MANIFEST}
    assert json.loads(files["config.json"])["training"] == {"steps": 7}
    once = checkpoint.load_network(folder)
    checkpoint.save_quantised(folder, tiny, tiny_tokenizer, facts={"steps": 7})
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == files
    assert same(checkpoint.load_network(folder), once)


@pytest.mark.parametrize("name", [WEIGHTS, "config.json", "vocab.bpe", MANIFEST])
def test_damage_is_an_error_or_does_not_matter(folder, mutations, load_or_refuse, same, name):
    once = checkpoint.load_network(folder)
    for damaged in mutations((folder / name).read_bytes(), count=300, seed=11):
        (folder / name).write_bytes(damaged)
        network = load_or_refuse(folder)
        assert network is None or (name == MANIFEST and same(network, once))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("wte.weight.scale"), "lacks scales or has too many"),
        (lambda t: t.update({"x.scale": torch.ones(2)}), "lacks scales or has too many"),
        (lambda t: t.update({"wte.weight.scale": torch.ones(3)}), "not one number >= 0 a row"),
        (lambda t: t["wte.weight.scale"].neg_(), "not one number >= 0 a row"),
        (lambda t: t["wte.weight.scale"].fill_(float("nan")), "not one number >= 0 a row"),
        (lambda t: t["wte.weight.scale"].fill_(float("inf")), "holds NaN or infinity"),
        (lambda t: t.update({"wte.weight": t["wte.weight"].float()}), "type F32, not I8"),
        (lambda t: t.update({"ln_f.bias": t["ln_f.bias"].to(torch.int8)}), "type I8, not F32"),
        (lambda t: t.pop("ln_f.bias"), r"lacks ln_f\.bias"),
    ],
)
def test_what_does_not_fit_is_refused_without_a_manifest_too(folder, change, message):
    (folder / MANIFEST).unlink()
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS)
    with pytest.raises(ValueError, match=message):
        checkpoint.load(folder)


def test_a_later_version_is_refused(folder):
    (folder / MANIFEST).unlink()
    config = json.loads((folder / "config.json").read_text())
    for change in ({"version": 2}, {"format": "other"}, {"format": None}, {"version": []}):
        (folder / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(
            ValueError, match="this hallmark reads hallmark-int8 and hallmark-int4 1"
        ):
            checkpoint.load(folder)
