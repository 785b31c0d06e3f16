"""Text to shards and back: nothing lost, split by document, and damage is noticed."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from hallmark.lm.corpus.prepare import position, prepare
from hallmark.lm.corpus.settings import PrepareConfig, Source
from hallmark.lm.corpus.shards import Corpus, open_corpus
from hallmark.models.tokenizer import Tokenizer

TOKENIZER = Tokenizer([(b"t", b"h"), (b"th", b"e"), (b" ", b"the")])
TEXTS = [f"the text of number {i}, {'abcdefghij'[i % 10] * i}" for i in range(100)]


def write(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    return path


def read(corpus: Corpus, split: str) -> list[str]:
    """The documents of a split, decoded."""
    stream = corpus.stream(split)
    ids = stream.read(0, len(stream)) if len(stream) else np.zeros(0, dtype=np.int64)
    ends = np.flatnonzero(ids == TOKENIZER.eot)
    return [TOKENIZER.decode(ids[a + 1 : b]) for a, b in itertools.pairwise(ends)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "texts.jsonl", [*TEXTS, TEXTS[3].upper()])


def test_every_document_is_on_one_side(source: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    config = PrepareConfig(valid=0.2, shard_tokens=500)
    corpus = prepare([source], tmp_path / "out", TOKENIZER, config, on_document=seen.append)
    train, valid = read(corpus, "train"), read(corpus, "valid")
    assert sorted(train + valid) == sorted(TEXTS)
    assert {t: position(t) <= 0.2 for t in TEXTS} == {t: t in valid for t in TEXTS}
    assert 5 <= len(valid) <= 35
    assert sum(seen) == 101
    about = corpus.manifest
    assert (about["documents_read"], about["exact_duplicates"]) == (101, 1)
    assert about["splits"]["train"]["documents"] == len(train)
    assert about["splits"]["train"]["bytes"] == sum(len(t.encode()) for t in train)
    assert len(about["splits"]["train"]["files"]) > 1
    assert not [p for p in (tmp_path / "out").iterdir() if p.name.startswith(".")]


def test_a_stream_reads_across_shards(source: Path, tmp_path: Path) -> None:
    corpora = [
        prepare([source], tmp_path / f"{size}", TOKENIZER, PrepareConfig(shard_tokens=size))
        for size in (100, 10**6)
    ]
    small, large = (c.stream("train") for c in corpora)
    assert len(small) == len(large)
    for start, length in ((0, len(large)), (99, 2), (50, 700), (len(large) - 1, 1)):
        assert np.array_equal(small.read(start, length), large.read(start, length))


def test_the_same_text_gives_the_same_corpus(source: Path, tmp_path: Path) -> None:
    one, two = (prepare([source], tmp_path / n, TOKENIZER, PrepareConfig()) for n in "ab")
    assert one.identity == two.identity
    three = prepare([source], tmp_path / "c", TOKENIZER, PrepareConfig(valid=0.5))
    assert three.identity != one.identity


@pytest.mark.parametrize("valid", [1e-9, 1 - 1e-9])
def test_neither_side_is_ever_empty(valid: float, source: Path, tmp_path: Path) -> None:
    corpus = prepare([source], tmp_path / "out", TOKENIZER, PrepareConfig(valid=valid))
    sizes = [corpus.manifest["splits"][s]["documents"] for s in ("train", "valid")]
    assert sorted(sizes) == [1, 99]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "held no text; give files with text"),
        (["one", "ONE "], r"held one document \(1 duplicates left out\) of 3 char.*give more text"),
        (
            ["word " * 900],
            r"of 4,500 char.*prepare FILE --cut 2000 --out data`, then train on data",
        ),
    ],
)
def test_too_few_documents_are_refused(texts: list[str], message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", texts)
    with pytest.raises(ValueError, match=message):
        prepare([path], tmp_path / "out", TOKENIZER, PrepareConfig())
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_one_document_can_be_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\n".join(TEXTS))
    config = PrepareConfig(source=Source(cut=500))
    corpus = prepare([path], tmp_path / "out", TOKENIZER, config)
    assert sum(s["documents"] for s in corpus.manifest["splits"].values()) > 5


def test_a_prepared_folder_is_not_overwritten(source: Path, tmp_path: Path) -> None:
    prepare([source], tmp_path / "out", TOKENIZER, PrepareConfig())
    with pytest.raises(ValueError, match="holds a prepared corpus already"):
        prepare([source], tmp_path / "out", TOKENIZER, PrepareConfig())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("train-00000.bin", "train-00000.bin is damaged"),
        ("vocab.bpe", "vocab.bpe.* differs from its hash"),
        ("manifest.json", "is not valid JSON"),
    ],
)
def test_damage_is_noticed(name: str, message: str, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare([source], out, TOKENIZER, PrepareConfig())
    data = bytearray((out / name).read_bytes())
    data[len(data) // 2] ^= 128
    (out / name).write_bytes(data)
    with pytest.raises(ValueError, match=message):
        open_corpus(out)


def test_what_is_missing_is_named(source: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no prepared corpus"):
        open_corpus(tmp_path)
    prepare([source], tmp_path / "out", TOKENIZER, PrepareConfig())
    (tmp_path / "out" / "train-00000.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"train-00000\.bin is missing"):
        open_corpus(tmp_path / "out")


def test_another_tokenizer_is_refused(source: Path, tmp_path: Path) -> None:
    corpus = prepare([source], tmp_path / "out", TOKENIZER, PrepareConfig())
    corpus.check_fits(TOKENIZER, model="m")
    with pytest.raises(ValueError, match=r"another tokenizer .* than that of other"):
        corpus.check_fits(Tokenizer([(b"a", b"b")]), model="other")


def test_large_vocabularies_take_four_bytes(tmp_path: Path) -> None:
    from hallmark.lm.corpus.shards import ShardWriter

    writer = ShardWriter(tmp_path, "train", eot=70_000, shard_tokens=100)
    writer.add([1, 69_999], text_bytes=5)
    about = writer.finish()
    assert about["dtype"] == "uint32"
    written = np.fromfile(tmp_path / "train-00000.bin", dtype="<u4")
    assert written.tolist() == [70_000, 1, 69_999, 70_000]
