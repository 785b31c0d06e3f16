"""From text to a folder that transformers opens: pre-training, fine-tuning and LoRA."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import xml.etree.ElementTree
from pathlib import Path

import pytest
import torch
from transformers import GPT2LMHeadModel

from hallmark.lm.corpus.prepare import prepare
from hallmark.lm.corpus.settings import PrepareConfig
from hallmark.lm.corpus.shards import Corpus
from hallmark.lm.training.checkpoint import checkpoint_steps
from hallmark.lm.training.export import card
from hallmark.lm.training.figure import draw
from hallmark.lm.training.parallel import World
from hallmark.lm.training.run import Start, export_run, run
from hallmark.lm.training.settings import TrainConfig
from hallmark.lm.training.state import Event
from hallmark.models import checkpoint
from hallmark.models.sizes import GPT2Config
from hallmark.models.tokenizer import Tokenizer

CONFIG = TrainConfig(
    steps=20, batch_size=8, micro_batch=8, sequence_length=32, lr=1e-2, valid_every=10,
    save_every=10, sample_every=10, precision="float32",
)  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("corpus")
    texts = [f"the {'ab'[i % 2] * 20} the {i} the" for i in range(120)]
    (folder / "texts.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    tokenizer = Tokenizer([(b"t", b"h"), (b"th", b"e"), (b" ", b"the")])
    config = PrepareConfig(valid=0.3, near=False)
    return prepare([folder / "texts.jsonl"], folder / "out", tokenizer, config)


@pytest.fixture(scope="module")
def pretrained(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    shape = GPT2Config(
        n_layer=2, n_head=2, n_embd=16, n_ctx=64, vocab_size=corpus.tokenizer.n_vocab
    )
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    run(Start(shape), corpus, CONFIG, folder=folder)
    return folder


def test_the_result_is_what_transformers_opens(pretrained: Path) -> None:
    network, tokenizer = checkpoint.load(pretrained / "model")
    peer = GPT2LMHeadModel.from_pretrained(pretrained / "model")
    ids = torch.tensor([tokenizer.encode("the text")])
    with torch.no_grad():
        torch.testing.assert_close(network.logits(network(ids)), peer(ids).logits)


def test_its_card_says_how_it_came_about(pretrained: Path, corpus: Corpus) -> None:
    text = (pretrained / "model" / "README.md").read_text()
    assert text.startswith("---\npipeline_tag: text-generation\n")
    assert "trained from random weights" in text
    assert "texts.jsonl" in text
    assert f"{corpus.manifest['splits']['train']['documents']} documents" in text
    first, last = re.findall(r"^\| (\d+) \| ([\d.]+) \|", text, re.MULTILINE)
    assert (first[0], last[0]) == ("0", "20")
    assert float(last[1]) < float(first[1])
    assert str(Path.cwd()) not in text


def test_a_card_of_a_diverged_run_is_written(pretrained: Path) -> None:
    network = checkpoint.load_network(pretrained / "model")
    about = json.loads((pretrained / "run.json").read_text())
    log = [
        {"step": 0, "valid_loss": 5.5, "bits_per_byte": 4.0},
        {"step": 20, "valid_loss": 8637726.0, "bits_per_byte": None},
    ]
    text = card(network, about, log, step=20, name="tiny")
    assert "| 20 | 8637726.0000 | > 1e308 | - |" in text
    assert "Held-out loss rose from 5.5000 to 8637726.0000" in text
    assert "rose" not in card(network, about, log[:1], step=20, name="tiny")


def test_what_cannot_be_exported_leaves_no_folder(pretrained: Path, tmp_path: Path) -> None:
    run_folder = tmp_path / "run"
    shutil.copytree(pretrained, run_folder)
    (run_folder / "log.jsonl").unlink()
    with pytest.raises(FileNotFoundError, match="holds no run"):
        export_run(run_folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_fine_tuning_says_what_it_loaded_and_starts_from_it(
    pretrained: Path, corpus: Corpus, tmp_path: Path
) -> None:
    events: list[Event] = []
    start = Start(base=pretrained / "model")
    run(start, corpus, CONFIG, folder=tmp_path, on_event=events.append)
    assert events[0].text.startswith(f"loaded {pretrained / 'model'}: ")
    assert events[1].kind == "valid"
    log = [json.loads(line) for line in (pretrained / "log.jsonl").read_text().splitlines()]
    before = [line["valid_loss"] for line in log if "valid_loss" in line]
    assert events[1].loss == pytest.approx(min(before), abs=1e-5)
    assert [e.step for e in events if e.kind == "sample"] == [10, 20]
    assert "fine-tuned from model" in (tmp_path / "model" / "README.md").read_text()


def test_adapters_alone_are_trained_and_merged(
    pretrained: Path, corpus: Corpus, tmp_path: Path
) -> None:
    events: list[Event] = []
    start = Start(base=pretrained / "model", lora=2)
    config = dataclasses.replace(CONFIG, lr=3e-2)
    ended = run(start, corpus, config, folder=tmp_path, on_event=events.append)
    trained = 2 * (2 * (16 + 48) + 2 * (16 + 16) + 2 * (16 + 64) * 2)
    assert f"{trained:,} of them trained" in events[0].text
    valid = [e.loss for e in events if e.kind == "valid"]
    assert ended.best_loss == min(valid) < valid[0]
    before, after = (checkpoint.load_network(f / "model") for f in (pretrained, tmp_path))
    assert torch.equal(before.wte.weight, after.wte.weight)
    assert not torch.equal(before.h[0].attn.c_attn.weight, after.h[0].attn.c_attn.weight)
    again = run(start, corpus, config, folder=tmp_path)  # a finished run is only loaded
    assert again == ended


def test_merged_adapters_compute_the_same(pretrained: Path) -> None:
    from hallmark.lm.training.adapters import add_adapters, merge_adapters

    network = checkpoint.load_network(pretrained / "model")
    plain = {n for n, _ in network.named_parameters()}
    ids = torch.arange(20)[None]
    before = network(ids)
    add_adapters(network, rank=3, seed=0)
    assert torch.equal(network(ids), before)
    for name, p in network.named_parameters():
        if "lora" in name:
            torch.nn.init.normal_(p, std=0.1)
    adapted = network(ids)
    merge_adapters(network)
    assert {n for n, _ in network.named_parameters()} == plain
    torch.testing.assert_close(network(ids), adapted, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(adapted, before, atol=1e-2)


def test_a_checkpoint_of_choice_is_exported(pretrained: Path, tmp_path: Path) -> None:
    assert export_run(pretrained, tmp_path / "out", step=10) == 10
    assert "| 10 |" in (tmp_path / "out" / "README.md").read_text()
    with pytest.raises(ValueError, match=r"has no checkpoint of step 11, but \[10, 20\]"):
        export_run(pretrained, tmp_path / "out", step=11)
    with pytest.raises(FileNotFoundError, match="holds no run"):
        export_run(tmp_path, tmp_path / "out")
    assert checkpoint_steps(pretrained) == [10, 20]


def test_what_does_not_fit_is_refused(pretrained: Path, corpus: Corpus, tmp_path: Path) -> None:
    start = Start(base=pretrained / "model")
    long = dataclasses.replace(CONFIG, sequence_length=65)
    with pytest.raises(ValueError, match="sequence_length 65 does not fit the model's context"):
        run(start, corpus, long, folder=tmp_path)
    shape = GPT2Config(n_layer=1, n_head=1, n_embd=8, n_ctx=64, vocab_size=300)
    with pytest.raises(ValueError, match="encoded with 260 tokens and the model has 300"):
        run(Start(shape), corpus, CONFIG, folder=tmp_path)
    with pytest.raises(ValueError, match="needs a shape"):
        run(Start(), corpus, CONFIG, folder=tmp_path)
    with pytest.raises(ValueError, match="rank of LoRA"):
        run(Start(base=pretrained / "model", lora=-1), corpus, CONFIG, folder=tmp_path)


@pytest.mark.parametrize("kind", [".svg", ".png"])
def test_a_runs_curves_are_drawn(kind: str, pretrained: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{name}{kind}" for name in "ab"]
    for file in files:
        draw(pretrained, file)
    assert files[0].stat().st_size > 5_000
    if kind == ".svg":
        root = xml.etree.ElementTree.parse(files[0]).getroot()
        assert root.tag.endswith("svg")
    else:
        assert files[0].read_bytes() == files[1].read_bytes()


def test_what_cannot_be_drawn_is_said(pretrained: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ends in none of \.svg"):
        draw(pretrained, tmp_path / "a.gif")
    with pytest.raises(FileNotFoundError, match="holds no run"):
        draw(tmp_path, tmp_path / "a.svg")
    (tmp_path / "log.jsonl").write_bytes(b"")
    with pytest.raises(ValueError, match="has no step in its log"):
        draw(tmp_path, tmp_path / "a.svg")


def test_without_a_compiler_it_says_so_and_goes_on(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hallmark.lm.training import run as module

    monkeypatch.setattr(module, "can_compile", lambda: "no C++ compiler was found")
    events: list[Event] = []
    shape = GPT2Config(n_layer=1, n_head=1, n_embd=8, n_ctx=64, vocab_size=260)
    config = dataclasses.replace(CONFIG, steps=1, compile=True)
    run(Start(shape), corpus, config, folder=tmp_path, on_event=events.append)
    assert events[0].text.endswith("torch.compile does not work: no C++ compiler was found")


def test_a_run_that_was_moved_is_exported(pretrained: Path, corpus: Corpus, tmp_path: Path) -> None:
    run(Start(base=pretrained / "model"), corpus, CONFIG, folder=tmp_path / "run")
    moved = tmp_path / "elsewhere"
    (tmp_path / "run").rename(moved)
    about = json.loads((moved / "run.json").read_text())
    about["corpus"]["folder"] = about["base"] = str(tmp_path / "gone")
    (moved / "run.json").write_text(json.dumps(about))
    export_run(moved, tmp_path / "out")
    network, tokenizer = checkpoint.load(tmp_path / "out")
    assert tokenizer.merge_lines() == corpus.tokenizer.merge_lines()
    before = checkpoint.load_network(moved / "model")
    assert torch.equal(network.wte.weight, before.wte.weight)


def test_adapters_are_merged_into_no_other_model(
    pretrained: Path, corpus: Corpus, tmp_path: Path
) -> None:
    base, folder = tmp_path / "base", tmp_path / "run"
    shutil.copytree(pretrained / "model", base)
    run(Start(base=base, lora=2), corpus, CONFIG, folder=folder)
    base.rename(tmp_path / "moved")
    with pytest.raises(FileNotFoundError, match=r"adapters were trained on.*--model"):
        export_run(folder, tmp_path / "out")
    export_run(folder, tmp_path / "out", base=tmp_path / "moved")
    one, other = (checkpoint.load_network(f) for f in (folder / "model", tmp_path / "out"))
    assert torch.equal(one.h[0].attn.c_attn.weight, other.h[0].attn.c_attn.weight)
    run(Start(base=tmp_path / "moved"), corpus, CONFIG, folder=tmp_path / "another")
    with pytest.raises(ValueError, match="not the model that the adapters were trained on"):
        export_run(folder, tmp_path / "wrong", base=tmp_path / "another" / "model")


@pytest.mark.parametrize(
    ("lora", "world", "message"),
    [(2, World(), "LoRA's adapters"), (0, World(0, 2, "fsdp"), "fsdp splits")],
)
def test_muon_is_refused_where_there_are_no_whole_matrices(
    lora: int, world: World, message: str, pretrained: Path, corpus: Corpus, tmp_path: Path
) -> None:
    config = dataclasses.replace(CONFIG, optimiser="muon")
    start = Start(base=pretrained / "model", lora=lora)
    with pytest.raises(ValueError, match=message):
        run(start, corpus, config, folder=tmp_path, world=world)
