"""`hallmark detector`: files in, a detector's folder out, scores and a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

RNG_WORDS = {0: ["the", "then", "other"], 1: ["hat", "tea", "north"]}
FAST = (
    "--max-length", "40", "--min-length", "8", "--batch-size", "8", "--micro-batch", "8",
    "--epochs", "4", "--lr", "0.01", "--precision", "float32",
)  # fmt: skip


def write(path: Path, label: int, count: int, *, seed: int = 0) -> Path:
    draw = torch.Generator().manual_seed(seed)
    lines = []
    for i in range(count):
        chosen = torch.randint(3, (24,), generator=draw).tolist()
        lines.append(json.dumps({"id": i, "text": " ".join(RNG_WORDS[label][k] for k in chosen)}))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    for label, name in ((0, "human"), (1, "synthetic")):
        write(folder / f"{name}.train.jsonl", label, 30)
        write(folder / f"{name}.valid.jsonl", label, 6, seed=1)
        write(folder / f"{name}.test.jsonl", label, 20, seed=2)
    return folder


def both(files: Path, *splits: str) -> list[object]:
    return [
        part for split in splits for kind in ("human", "synthetic")
        for part in (f"--{kind}", files / f"{kind}.{split}.jsonl")
    ]  # fmt: skip


def test_train_score_and_measure(run_cli, files: Path, tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train = ("detector", "train", "--out", out, "--encoder", tiny_model, *FAST,
             *both(files, "train", "valid"))  # fmt: skip
    done = run_cli(*train, "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert Path(result["detector"]) == out / "detector"
    before = (out / "detector" / "model.safetensors").read_bytes()
    again = run_cli(*train, "--quiet")  # nothing is left to do
    assert (again.code, again.out.strip(), again.err) == (0, str(out / "detector"), "")
    assert (out / "detector" / "model.safetensors").read_bytes() == before

    found = run_cli("detector", "measure", out / "detector", *both(files, "test"), "--length", 16,
                    "--json")  # fmt: skip
    assert found.code == 0, found.err
    (row,) = json.loads(found.out)["rows"]
    assert (row["tokens"], row["human"], row["synthetic"]) == (16, 20, 20)
    assert row["accuracy"]["value"] >= 0.9
    assert row["accuracy"]["low"] <= row["accuracy"]["value"] <= row["accuracy"]["high"]
    table = run_cli("detector", "measure", out / "detector", *both(files, "test"), "--length", 16)
    assert "synthetic.test.jsonl" in table.out

    scores = {}
    for kind in ("human", "synthetic"):
        lines = (files / f"{kind}.test.jsonl").read_bytes()
        done = run_cli("detector", "score", out / "detector", "-", "--jsonl", stdin=lines)
        assert done.code == 0, done.err
        rows = [json.loads(line) for line in done.out.splitlines()]
        assert [row["id"] for row in rows] == list(range(20))
        scores[kind] = sum(row["score"] for row in rows) / 20
    assert scores["synthetic"] > scores["human"]
    one = run_cli("detector", "score", out / "detector", "-", "--json", stdin=b"the other hat")
    plain = run_cli("detector", "score", out / "detector", "-", stdin=b"the other hat")
    assert float(plain.out) == pytest.approx(json.loads(one.out)["score"], abs=1e-4)


def test_a_text_without_a_score_and_a_bad_line(run_cli, files, tiny_model, tmp_path) -> None:
    train = ("detector", "train", "--out", tmp_path, "--encoder", tiny_model, *FAST[:-4],
             "--epochs", 1, "--quiet", *both(files, "train"))  # fmt: skip
    assert run_cli(*train).code == 0
    folder = tmp_path / "detector"
    lines = b'{"text": ""}\nno json\n{"text": "the"}\n'
    done = run_cli("detector", "score", folder, "-", "--jsonl", stdin=lines)
    assert done.code == 1
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert rows[0]["score"] is None
    assert "error" in rows[1]
    assert isinstance(rows[2]["score"], float)
    assert run_cli("detector", "score", folder, "-", "--jsonl", "--json").code == 2


def test_import_of_openais_checkpoint(run_cli, tmp_path: Path) -> None:
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["<s>", "<pad>", "</s>", "<unk>", *letters]
    tokenizer = Tokenizer(models.BPE({w: i for i, w in enumerate(words)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)
    fast.save_pretrained(tmp_path / "roberta")
    config = transformers.RobertaConfig(
        vocab_size=260, hidden_size=64, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=64, max_position_embeddings=66, type_vocab_size=1, layer_norm_eps=1e-5,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = transformers.RobertaForSequenceClassification(config).eval()
        torch.nn.init.normal_(network.classifier.out_proj.weight, std=1.0)
    state = {"epoch": 1, "args": {}, "optimizer_state_dict": {}}
    path = tmp_path / "detector-base.pt"
    torch.save({**state, "model_state_dict": network.state_dict()}, path)
    out = tmp_path / "out"
    done = run_cli("detector", "import", path, "--out", out, "--tokenizer", tmp_path / "roberta")
    assert (done.code, done.out.strip()) == (0, str(out)), done.err
    text = "It was late."
    ids = [0, *tokenizer.encode(text).ids, 2]
    with torch.no_grad():
        fake, real = network(torch.tensor([ids])).logits[0].tolist()
    scored = run_cli("detector", "score", out, "-", "--json", stdin=text.encode())
    assert scored.code == 0, scored.err
    assert json.loads(scored.out)["score"] == pytest.approx(fake - real, abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("score", "none", "-"), "none is no folder"),
        (("import", "none.pt", "--out", "x"), "none.pt"),
        (("train", "--out", "x"), "there are no human texts"),
        (("measure", "none"), "there are no human texts"),
    ],
)
def test_what_is_wrong_is_one_line(run_cli, tmp_path, monkeypatch, arguments, said) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_cli("detector", *arguments)
    assert done.code in (1, 74)
    assert done.out == ""
    assert said in done.err
    assert done.err.count("\n") == 1
