"""Names, aliases and parameter counts; where a model's folder is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hallmark.models import sizes
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import (
    MANIFEST,
    SIZES,
    GPT2Config,
    find_model,
    find_size,
    is_repository,
    model_folder,
)

PUBLISHED = {
    "124M": (124_439_808, ["124M", "117M", "small", "gpt2", "openai-community/gpt2"]),
    "355M": (354_823_168, ["355M", "345M", "medium", "gpt2-medium"]),
    "774M": (774_030_080, ["774M", "762M", "large", "gpt2-large"]),
    "1.5B": (1_557_611_200, ["1.5B", "1558M", "1542M", "xl", "gpt2-xl", "GPT2-XL"]),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sizes_have_the_exact_counts_and_every_alias(name):
    count, aliases = PUBLISHED[name]
    for alias in aliases:
        size = find_size(alias)
        assert size.name == name
        assert size.config.parameters == count
        assert not size.bundled


@pytest.mark.parametrize("size", SIZES, ids=lambda s: s.name)
def test_the_formula_counts_the_network_s_parameters(size):
    with torch.device("meta"):
        network = GPT2(size.config)
    assert sum(p.numel() for p in network.parameters()) == size.config.parameters


@pytest.mark.parametrize(
    ("name", "about"), [("0.5M", 0.5e6), ("1M", 1.2e6), ("3M", 3.1e6), ("7M", 7.1e6)]
)
def test_rungs_of_the_ladder(name, about):
    assert find_size(name) is find_size(f"ladder-{name}")
    assert find_size(name).bundled
    assert find_size(name).config.parameters == pytest.approx(about, rel=0.1)


def test_names_are_unique():
    names = [n.casefold() for size in SIZES for n in size.names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ["", "gpt3", "124", "../gpt2", "x" * 10_000, "a\0b"])
def test_an_unknown_name_lists_the_valid_ones(name, tmp_path):
    for find in (find_size, lambda n: find_model(n, home=tmp_path)):
        with pytest.raises(ValueError, match=r"ladder-1M, 1M; .*124M, 117M, small") as caught:
            find(name)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 600


def test_find_model_takes_a_folder_a_fetched_size_or_says_how_to_get_it(tmp_path):
    assert find_model(str(tmp_path), home=tmp_path) == tmp_path
    with pytest.raises(ValueError, match="run `hallmark get gpt2` first"):
        find_model("gpt2", home=tmp_path)
    fetched = tmp_path / "models" / "124M"
    fetched.mkdir(parents=True)
    with pytest.raises(ValueError, match="hallmark get"):
        find_model("small", home=tmp_path)  # begun, but not complete
    (fetched / MANIFEST).write_text("{}")
    assert find_model("small", home=tmp_path) == fetched
    (tmp_path / "model.safetensors").write_text("")
    with pytest.raises(ValueError, match="is a file; give the folder"):
        find_model(str(tmp_path / "model.safetensors"), home=tmp_path)


def test_a_rung_comes_with_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(sizes, "BUNDLED", tmp_path)
    with pytest.raises(ValueError, match="is missing from this install; install hallmark again"):
        find_model("1M", home=tmp_path)
    (tmp_path / "ladder-1M").mkdir()
    (tmp_path / "ladder-1M" / MANIFEST).write_text("{}")
    assert find_model("1M", home=tmp_path / "elsewhere") == tmp_path / "ladder-1M"


def test_repositories_have_a_folder_of_their_own():
    home = Path("home")
    assert model_folder("owner/my.model", home=home) == home / "models" / "owner--my.model"
    for name in ("../etc", "a/../b", "a/b/c", "/a", "a/", "a/..", "a/.b", "a b/c", "a/b\n"):
        assert not is_repository(name), name


@pytest.mark.parametrize(
    "change",
    [
        {"n_layer": 0}, {"n_layer": 10**9}, {"n_head": True}, {"n_head": 5}, {"n_embd": "16"},
        {"n_ctx": 1.5}, {"vocab_size": None}, {"layer_norm_epsilon": float("nan")},
        {"layer_norm_epsilon": 0.0}, {"layer_norm_epsilon": "1e-5"},
    ],
)  # fmt: skip
def test_config_refuses_what_no_network_can_have(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        GPT2Config(**({"n_layer": 2, "n_head": 2, "n_embd": 16} | change))


def test_names_cost_no_import_of_torch():
    code = "import sys, hallmark.models.sizes; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
