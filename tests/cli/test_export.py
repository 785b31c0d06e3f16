"""`hallmark export`, `--precision` and `--draft` through the program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from hallmark.cli.options import load_model
from hallmark.models import checkpoint
from hallmark.models.gpt2 import GPT2
from hallmark.models.matrices import Int4Matrix, Int8Matrix, float_matrix
from hallmark.models.sizes import GPT2Config
from hallmark.models.tokenizer import Tokenizer

SHORT = ("--max-tokens", 12, "--seed", 3)


@pytest.fixture(scope="module")
def plain_model(tmp_path_factory) -> Path:
    """A folder in float32 whose widths every precision and compiled code fit."""
    tokenizer = Tokenizer([(b"t", b"h"), (b"th", b"e"), (b" ", b"the")])
    config = GPT2Config(n_layer=1, n_head=2, n_embd=64, n_ctx=64, vocab_size=tokenizer.n_vocab)
    network = GPT2(config)
    network.initialise(torch.Generator().manual_seed(0))
    folder = tmp_path_factory.mktemp("models") / "plain"
    checkpoint.save_huggingface(folder, network.eval(), tokenizer)
    return folder


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_an_exported_model_writes_what_the_original_writes(
    run_cli, plain_model: Path, tmp_path: Path, precision: str
) -> None:
    folder = tmp_path / "small"
    done = run_cli("export", plain_model, folder, "--precision", precision)
    assert (done.code, done.out) == (0, f"{folder}\n")
    assert f"MB in {precision}" in done.err
    loaded = load_model(str(folder), precision=precision)
    kind = Int8Matrix if precision == "int8" else Int4Matrix
    assert isinstance(loaded.network.h[0].mlp.c_fc, kind)
    original = load_model(str(plain_model), precision=precision)
    matrix = original.network.h[0].mlp.c_proj
    assert torch.equal(float_matrix(matrix), float_matrix(loaded.network.h[0].mlp.c_proj))
    dequantised = checkpoint.load_network(folder).h[0].mlp.c_proj
    assert torch.equal(dequantised.weight, float_matrix(matrix))
    lines = [
        run_cli("generate", "the", "--json", "--model", m, "--precision", precision, *SHORT).out
        for m in (plain_model, folder)
    ]
    one, other = (json.loads(line) for line in lines)
    assert one["precision"] == precision
    if precision == "int4":  # positions are int8 in own folders, which moves int8's rounding
        assert len(other["generations"]) == 1
    assert len(one["generations"][0]["tokens"]) == 12


def test_auto_reads_four_bits_as_four_bits(run_cli, plain_model: Path, tmp_path: Path) -> None:
    for precision in ("int4", "int8"):
        run_cli("export", plain_model, tmp_path / precision, "--precision", precision)
    told = {"int4": "int4", "int8": "float32"}  # a small network gains nothing from int8
    for name, expected in told.items():
        assert checkpoint.chosen_precision(tmp_path / name, "auto", device="cpu") == expected
        assert load_model(str(tmp_path / name), precision="auto").precision == expected
    assert checkpoint.chosen_precision(plain_model, "auto", device="cpu") == "float32"


def test_an_exported_model_may_be_hugging_faces(run_cli, tiny_model: Path, tmp_path: Path) -> None:
    out = run_cli("export", tiny_model, tmp_path / "hf", "--precision", "float32", "--json").out
    record = json.loads(out)
    assert record["bytes"] == sum(f.stat().st_size for f in (tmp_path / "hf").iterdir())
    one, other = checkpoint.load_network(tiny_model), checkpoint.load_network(tmp_path / "hf")
    assert torch.equal(one.wte.weight, other.wte.weight)


def test_export_refuses_what_it_would_overwrite_or_cannot_write(
    run_cli, tiny_model: Path, plain_model: Path, tmp_path: Path
) -> None:
    there = run_cli("export", tiny_model, tmp_path)
    assert there.code == 1
    assert "exists; give a folder that does not" in there.err
    assert run_cli("export", tiny_model, tmp_path / "x", "--precision", "bf16").code == 2
    assert not (tmp_path / "x").exists()


def test_a_wrong_precision_lists_the_right_ones(run_cli, tiny_model: Path) -> None:
    result = run_cli("generate", "the", "--model", tiny_model, "--precision", "fp8")
    assert result.code == 1
    assert "use one of auto, float32, bf16, int8, int4" in result.err


def test_auto_takes_float32_for_a_small_model_and_score_takes_it_always(
    run_cli, tiny_model: Path, tmp_path: Path
) -> None:
    out = run_cli("generate", "the", "--json", "--model", tiny_model, *SHORT).out
    assert json.loads(out)["precision"] == "float32"
    (tmp_path / "text").write_text("the end")
    score = json.loads(run_cli("score", tmp_path / "text", "--json", "--model", tiny_model).out)
    assert score["precision"] == "float32"
    low = run_cli("score", tmp_path / "text", "--json", "--model", tiny_model,
                  "--precision", "int8")  # fmt: skip
    assert json.loads(low.out)["precision"] == "int8"


def test_a_draft_changes_no_text(run_cli, plain_model: Path, tiny_model: Path) -> None:
    plain = run_cli("generate", "the the the", "--model", plain_model, *SHORT)
    for draft in ("ngram", "auto", plain_model):
        drafted = run_cli(
            "generate", "the the the", "--model", plain_model, *SHORT, "--draft", draft
        )
        assert drafted.out == plain.out
        assert "guesses were right" in drafted.err
    wrong = run_cli("generate", "the", "--model", plain_model, "--draft", tiny_model)
    assert wrong.code == 1
    assert "widths that 32 divides" in wrong.err
