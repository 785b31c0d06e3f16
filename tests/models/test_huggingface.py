"""Hugging Face folders that transformers wrote, read here; written here, read by transformers."""

from __future__ import annotations

import json
import pickle
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, GPT2LMHeadModel, GPT2Tokenizer
from transformers import GPT2Config as TheirConfig

from hallmark.models import checkpoint
from hallmark.models.huggingface import INDEX, WEIGHTS, read_config

TEXT = "The thé in 'ther' the\n\n  end, 1234 日本"


@pytest.fixture
def theirs(tiny_tokenizer):
    torch.manual_seed(0)
    config = TheirConfig(
        n_layer=2, n_head=2, n_embd=16, n_positions=32, vocab_size=tiny_tokenizer.n_vocab,
        bos_token_id=tiny_tokenizer.eot, eos_token_id=tiny_tokenizer.eot,
    )  # fmt: skip
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * 0.1)
    return model


@pytest.fixture
def folder(theirs, tiny_tokenizer, tmp_path):
    theirs.save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "merges.txt").write_text(tiny_tokenizer.merge_lines(), encoding="utf-8")
    (tmp_path / "model" / "vocab.json").write_text(json.dumps(tiny_tokenizer.encoder()))
    return tmp_path / "model"


@torch.no_grad()
def assert_same_logits(folder, theirs):
    network, tokenizer = checkpoint.load(folder)
    assert not network.training
    assert all(p.dtype == torch.float32 and p.is_contiguous() for p in network.parameters())
    tokens = torch.tensor([tokenizer.encode(TEXT)[:32]])
    ours = network.logits(network(tokens))
    torch.testing.assert_close(ours, theirs(tokens).logits, atol=1e-5, rtol=0)


def edit_weights(folder, change):
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def edit_config(folder, **values):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | values))


def test_loads_what_transformers_saves(folder, theirs):
    assert_same_logits(folder, theirs)


def test_loads_the_published_form_without_prefix_with_buffers_and_head(folder, theirs):
    def as_published(tensors):
        for name in list(tensors):
            tensors[name.removeprefix("transformer.")] = tensors.pop(name)
        tensors["lm_head.weight"] = tensors["wte.weight"].clone()
        for layer in range(2):
            tensors[f"h.{layer}.attn.bias"] = torch.ones(1, 1, 32, 32).tril()
            tensors[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)

    edit_weights(folder, as_published)
    assert_same_logits(folder, theirs)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_loads_half_precision_as_float32(folder, theirs, dtype):
    theirs.to(dtype).save_pretrained(folder)
    assert_same_logits(folder, theirs.float())


def test_loads_shards(folder, theirs):
    (folder / WEIGHTS).unlink()
    theirs.save_pretrained(folder, max_shard_size="10KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    assert (folder / INDEX).exists()
    assert_same_logits(folder, theirs)


def test_transformers_opens_what_is_saved(tiny, tiny_tokenizer, tmp_path):
    checkpoint.save_huggingface(tmp_path / "new", tiny, tiny_tokenizer)
    model, report = GPT2LMHeadModel.from_pretrained(tmp_path / "new", output_loading_info=True)
    assert not any(v for k, v in report.items() if k.endswith("_keys"))
    assert model.generation_config.eos_token_id == tiny_tokenizer.eot
    assert_same_logits(tmp_path / "new", model.eval())
    for kind in (GPT2Tokenizer, AutoTokenizer):
        tokenizer = kind.from_pretrained(tmp_path / "new")
        assert tokenizer(TEXT)["input_ids"] == tiny_tokenizer.encode(TEXT)
        assert tokenizer.eos_token_id == tokenizer.bos_token_id == tiny_tokenizer.eot
        assert tokenizer.model_max_length == 32


def test_round_trip_is_exact_and_every_byte_is_checked(tiny, tiny_tokenizer, same, tmp_path):
    checkpoint.save_huggingface(tmp_path, tiny, tiny_tokenizer)
    network, tokenizer = checkpoint.load(tmp_path)
    assert same(network, tiny)
    assert tokenizer.merges == tiny_tokenizer.merges
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]
    for name in ("config.json", WEIGHTS, "merges.txt", "vocab.json"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole.replace(whole[-9:], b"123456789"))
        with pytest.raises(ValueError, match=f"{name} is not the file that manifest"):
            checkpoint.load(tmp_path)
        (tmp_path / name).write_bytes(whole)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "llama"}, "has model_type 'llama'"),
        ({"activation_function": "relu"}, "activation_function 'relu'"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx True"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings False"),
        ({"n_inner": 48}, "n_inner 48"),
        ({"n_ctx": 16}, "n_ctx and n_positions"),
        ({"n_head": 3}, "n_embd 16 is not a multiple"),
        ({"n_layer": "2"}, "n_layer must be a whole number"),
        ({"n_layer": 10**30}, "n_layer must be a whole number"),
        ({"n_layer": 3}, r"lacks h\.2\.attn\.c_attn\.bias, .* and 9 more"),
        ({"n_layer": 1}, r"GPT-2 has not: h\.1\.attn"),
        ({"n_embd": 32}, r"has shape .* where the config says"),
        ({"vocab_size": 50257}, r"wte\.weight has shape \(262, 16\)"),
        ({"layer_norm_epsilon": float("nan")}, "NaN is not a number"),
        ({"layer_norm_epsilon": [1]}, "layer_norm_epsilon must be between"),
    ],
)
def test_a_config_that_is_not_this_gpt2_is_refused(folder, change, message):
    edit_config(folder, **change)
    with pytest.raises(ValueError, match=message) as caught:
        checkpoint.load(folder)
    assert "\n" not in str(caught.value)


def test_settings_at_gpt2_s_own_values_are_accepted(folder, theirs):
    edit_config(folder, n_inner=64, n_ctx=32, activation_function="gelu_pytorch_tanh")
    assert_same_logits(folder, theirs)
    (folder / "config.json").write_text('{"model_type": "gpt2", "n_layer": 2}')
    with pytest.raises(ValueError, match="lacks n_head, n_embd"):
        read_config(folder / "config.json")


WTE = "transformer.wte.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("transformer.ln_f.bias"), r"lacks ln_f\.bias"),
        (lambda t: t.update(extra=torch.ones(2)), "GPT-2 has not: extra"),
        (lambda t: t.update({"ln_f.bias": torch.ones(16)}), "with and without"),
        (lambda t: t.update({WTE: t[WTE].double()}), "of type F64"),
        (lambda t: t.update({WTE: t[WTE].T.contiguous()}), "has shape"),
        (lambda t: t[WTE][3].fill_(float("nan")), "holds NaN or infinity"),
        (lambda t: t[WTE][3].fill_(float("inf")), "holds NaN or infinity"),
        (lambda t: t.update({"lm_head.weight": t[WTE] + 1}), "output head of its own"),
        (lambda t: t.clear(), "lacks h"),
    ],
)
def test_weights_that_do_not_fit_are_refused(folder, change, message):
    edit_weights(folder, change)
    with pytest.raises(ValueError, match=message):
        checkpoint.load(folder)


class Trap:
    """Unpickling this would leave a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\0" * 7, (2**63).to_bytes(8, "little") + b"{}", (100).to_bytes(8, "little") + b"{",
        (2**26).to_bytes(8, "little") + b"{}", (2).to_bytes(8, "little") + b"[]",
        (10).to_bytes(8, "little") + b'{"a": nul}',
    ],
)  # fmt: skip
def test_what_is_not_safetensors_is_refused(folder, content):
    (folder / WEIGHTS).write_bytes(content)
    with pytest.raises(ValueError, match=r"not a whole safetensors file .*again") as caught:
        checkpoint.load(folder)
    assert "\n" not in str(caught.value)


def test_a_pickle_is_never_opened(folder, tmp_path):
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(pickle.dumps(Trap(tmp_path / "ran")) + whole)
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        checkpoint.load(folder)
    (folder / WEIGHTS).unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(tmp_path / "ran")))
    with pytest.raises(ValueError, match=r"only as a pickle.*save_pretrained"):
        checkpoint.load(folder)
    assert not (tmp_path / "ran").exists()


def test_missing_files_and_folders_in_their_place(folder, tmp_path):
    for name in (WEIGHTS, "config.json", "merges.txt"):
        copy = tmp_path / f"no-{name}"
        shutil.copytree(folder, copy)
        (copy / name).unlink()
        with pytest.raises(FileNotFoundError, match=str(copy)):
            checkpoint.load(copy)
        (copy / name).mkdir()
        with pytest.raises((ValueError, FileNotFoundError), match=str(copy)):
            checkpoint.load(copy)
    with pytest.raises(FileNotFoundError, match="is a file"):
        checkpoint.load(folder / WEIGHTS)
    with pytest.raises(FileNotFoundError, match="is no folder"):
        checkpoint.load(folder / "nowhere")


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", "a/b.safetensors", "x"])
def test_an_index_that_points_elsewhere_is_refused(folder, name):
    (folder / WEIGHTS).rename(folder.parent / WEIGHTS)
    (folder / INDEX).write_text(json.dumps({"weight_map": {"wte.weight": name}}))
    with pytest.raises(ValueError, match="not a file beside it"):
        checkpoint.load(folder)


@pytest.mark.parametrize(
    "index", ["[]", "{}", "{", '{"weight_map": []}', '{"weight_map": {"a": 1}}', "[" * 100_000]
)
def test_a_damaged_index_is_refused(folder, index):
    (folder / WEIGHTS).unlink()
    (folder / INDEX).write_text(index)
    with pytest.raises(ValueError, match="index"):
        checkpoint.load(folder)


def test_shards_that_disagree_with_their_index_are_refused(folder, theirs):
    (folder / WEIGHTS).unlink()
    theirs.save_pretrained(folder, max_shard_size="10KB")
    index = json.loads((folder / INDEX).read_text())
    first, *_, last = index["weight_map"]
    moved = index["weight_map"] | {first: index["weight_map"][last]}
    fewer = {n: f for n, f in index["weight_map"].items() if n != first}
    for wrong, message in ((moved, "lacks"), (fewer, "disagree")):
        (folder / INDEX).write_text(json.dumps({"weight_map": wrong}))
        with pytest.raises(ValueError, match=message):
            checkpoint.load(folder)


def test_vocabulary_and_weights_must_belong_together(folder, gpt2_tokenizer):
    (folder / "vocab.json").unlink()
    (folder / "merges.txt").write_text(gpt2_tokenizer.merge_lines(), encoding="utf-8")
    with pytest.raises(ValueError, match="50257 tokens in its vocabulary and 262 in its weights"):
        checkpoint.load(folder)


@pytest.mark.parametrize("name", [WEIGHTS, "config.json", "merges.txt", "vocab.json"])
def test_damage_is_an_error_or_leaves_finite_weights(folder, mutations, load_or_refuse, name):
    """Published folders carry no hash: damage inside a number cannot be seen, all else is."""
    whole = (folder / name).read_bytes()
    for damaged in mutations(whole, count=150, seed=7):
        (folder / name).write_bytes(damaged)
        network = load_or_refuse(folder)
        assert network is None or all(p.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("name", [WEIGHTS, "config.json", "merges.txt", "vocab.json"])
def test_with_a_manifest_all_damage_is_an_error(tiny, tiny_tokenizer, tmp_path, mutations, name):
    checkpoint.save_huggingface(tmp_path, tiny, tiny_tokenizer)
    for damaged in mutations((tmp_path / name).read_bytes(), count=100, seed=8):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(ValueError, match="is not the file that manifest"):
            checkpoint.load(tmp_path)
