"""OpenAI's checkpoint folders, whose bytes conftest.py writes, against a Hugging Face folder."""

from __future__ import annotations

import json

import pytest
import torch

from hallmark.models import checkpoint
from hallmark.models.tensorflow import parameter_name, read_hparams


@pytest.fixture
def folder(write_tensorflow, tiny, tiny_tokenizer, tmp_path):
    write_tensorflow(tmp_path / "tf", tiny, tiny_tokenizer)
    return tmp_path / "tf"


@pytest.mark.parametrize("options", [{}, {"shards": 3}, {"per_block": 1}, {"per_block": 1000}])
@torch.no_grad()
def test_same_logits_as_a_hugging_face_folder(
    write_tensorflow, tiny, tiny_tokenizer, same, tmp_path, options
):
    write_tensorflow(tmp_path / "tf", tiny, tiny_tokenizer, **options)
    checkpoint.save_huggingface(tmp_path / "hf", tiny, tiny_tokenizer)
    network, tokenizer = checkpoint.load(tmp_path / "tf")
    other, _ = checkpoint.load(tmp_path / "hf")
    assert same(network, tiny)
    assert tokenizer.merges == tiny_tokenizer.merges
    tokens = torch.tensor([tokenizer.encode("the thé in there")])
    assert torch.equal(network.logits(network(tokens)), other.logits(other(tokens)))
    assert all(p.is_contiguous() for p in network.parameters())


def test_the_published_names():
    assert parameter_name("model/wte") == "wte.weight"
    assert parameter_name("model/h11/attn/c_attn/w") == "h.11.attn.c_attn.weight"
    assert parameter_name("model/h0/ln_1/g") == "h.0.ln_1.weight"
    assert parameter_name("model/ln_f/b") == "ln_f.bias"
    assert parameter_name("elsewhere/w") == "elsewhere/w"


def test_an_optimiser_s_variables_are_left_out_and_others_refused(folder, write_bundle, same, tiny):
    from hallmark.models.tensorbundle import Bundle

    bundle = Bundle(folder / "model.ckpt")
    arrays = {n: bundle.read(n) for n in bundle.entries}
    slots = {"model/wte/Adam": arrays["model/wte"], "global_step": arrays["model/ln_f/g"]}
    write_bundle(folder / "model.ckpt", arrays | slots)
    assert same(checkpoint.load_network(folder), tiny)
    write_bundle(folder / "model.ckpt", arrays | {"model/h2/ln_1/g": arrays["model/ln_f/g"]})
    with pytest.raises(ValueError, match=r"GPT-2 has not: h\.2\.ln_1\.weight"):
        checkpoint.load_network(folder)
    write_bundle(folder / "model.ckpt", arrays | {"model/ln_f/g": arrays["model/wte"]})
    with pytest.raises(ValueError, match=r"ln_f\.weight has shape"):
        checkpoint.load_network(folder)
    whole = arrays["model/ln_f/g"].astype("int64")
    write_bundle(folder / "model.ckpt", arrays | {"model/ln_f/g": whole})
    with pytest.raises(ValueError, match="is of type 9, not a float"):
        checkpoint.load_network(folder)
    arrays["model/ln_f/g"][3] = float("nan")
    write_bundle(folder / "model.ckpt", arrays)
    with pytest.raises(ValueError, match="holds NaN or infinity"):
        checkpoint.load_network(folder)


@pytest.mark.parametrize(
    "text",
    [
        'model_checkpoint_path: "../model.ckpt"',
        'model_checkpoint_path: "/etc/ckpt"',
        "",
        "\0",
    ],
)
def test_a_checkpoint_file_that_points_elsewhere_is_refused(folder, text):
    (folder / "checkpoint").write_text(text)
    with pytest.raises(ValueError, match="names no model_checkpoint_path beside it"):
        checkpoint.load(folder)


def test_the_checkpoint_file_names_the_bundle_and_may_be_absent(folder, same, tiny):
    (folder / "checkpoint").unlink()
    assert same(checkpoint.load_network(folder), tiny)
    for path in list(folder.glob("model.ckpt*")):
        path.rename(folder / path.name.replace("model.ckpt", "model-7"))
    (folder / "checkpoint").write_text('model_checkpoint_path: "model-7"\n')
    assert same(checkpoint.load_network(folder), tiny)
    (folder / "model-7.data-00000-of-00001").unlink()
    with pytest.raises(FileNotFoundError, match="data-00000-of-00001 is missing"):
        checkpoint.load(folder)


def test_hparams_are_checked_against_the_size_they_resemble(folder):
    path = folder / "hparams.json"
    medium = {"n_vocab": 50257, "n_ctx": 1024, "n_embd": 1024, "n_head": 16, "n_layer": 24}
    path.write_text(json.dumps(medium))
    assert read_hparams(path).parameters == 354_823_168
    path.write_text(json.dumps(medium | {"n_head": 32}))
    with pytest.raises(ValueError, match="has n_head 32, 355M 16"):
        read_hparams(path)
    path.write_text('{"n_vocab": NaN}')
    with pytest.raises(ValueError, match="NaN is not a number"):
        read_hparams(path)
    path.write_text("{}")
    with pytest.raises(ValueError, match="lacks n_vocab"):
        read_hparams(path)


@pytest.mark.parametrize("name", ["model.ckpt.index", "model.ckpt.data-00000-of-00001"])
def test_damage_is_an_error_or_does_not_matter(folder, mutations, load_or_refuse, same, tiny, name):
    """Every checksum is checked, so nothing that differs is ever loaded."""
    refused = 0
    for damaged in mutations((folder / name).read_bytes(), count=400, seed=9):
        (folder / name).write_bytes(damaged)
        network = load_or_refuse(folder)
        refused += network is None
        assert network is None or same(network, tiny)
    assert refused > 300


@pytest.mark.parametrize("name", ["hparams.json", "encoder.json", "vocab.bpe", "checkpoint"])
def test_damage_to_the_small_files(folder, mutations, load_or_refuse, name):
    for damaged in mutations((folder / name).read_bytes(), count=100, seed=10):
        (folder / name).write_bytes(damaged)
        load_or_refuse(folder)
