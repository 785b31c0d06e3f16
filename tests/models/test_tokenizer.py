"""The tokenizer against two reference implementations on GPT-2's own vocabulary."""

from __future__ import annotations

import json
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Reference
from tokenizers.implementations import ByteLevelBPETokenizer
from transformers import GPT2Tokenizer

from hallmark.models.tokenizer import END_OF_TEXT, Tokenizer, read_merges

SPACES = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000\u200b"
PIECES = ["'s", "'ll", " the", "é", "ﬁ", "٣", "½", "中文", "🙂", "\u0301", "\u200d", END_OF_TEXT]


def random_text(rng: random.Random) -> str:
    """Unicode of many kinds: ASCII, white space, any plane, and what GPT-2's pattern splits on."""
    kinds = (
        lambda: chr(rng.randrange(128)),
        lambda: rng.choice(SPACES) * rng.randrange(1, 4),
        lambda: chr(rng.choice((rng.randrange(0xD800), rng.randrange(0xE000, 0x110000)))),
        lambda: rng.choice(PIECES),
        lambda: chr(rng.randrange(0x250, 0x3000)),
    )
    return "".join(rng.choice(kinds)() for _ in range(rng.randrange(24)))


@pytest.fixture(scope="module")
def reference(gpt2_vocabulary) -> Reference:
    paths = (str(gpt2_vocabulary / "encoder.json"), str(gpt2_vocabulary / "vocab.bpe"))
    return ByteLevelBPETokenizer.from_file(*paths)


def test_ten_thousand_random_strings_agree_and_come_back(gpt2_tokenizer, reference):
    rng = random.Random(2019)
    texts = [random_text(rng) for _ in range(10_000)]
    expected = reference.encode_batch(texts)
    for text, encoding in zip(texts, expected, strict=True):
        ids = gpt2_tokenizer.encode(text)
        assert ids == encoding.ids, repr(text)
        assert gpt2_tokenizer.decode(ids) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
@settings(max_examples=300, deadline=None)
def test_round_trip(gpt2_tokenizer, text):
    assert gpt2_tokenizer.decode(gpt2_tokenizer.encode(text)) == text


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_total_on_any_string(gpt2_tokenizer, text):
    again = gpt2_tokenizer.decode(gpt2_tokenizer.encode(text))
    assert (
        again.encode()
        == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
    )


def test_published_ids(gpt2_tokenizer):
    assert gpt2_tokenizer.encode("Hello world") == [15496, 995]
    assert gpt2_tokenizer.n_vocab == 50_257
    assert gpt2_tokenizer.eot == 50_256
    assert gpt2_tokenizer.decode([50_256]) == END_OF_TEXT
    assert 50_256 not in gpt2_tokenizer.encode(END_OF_TEXT)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("\0", 1), (" " * 1_000_000, 1_000_000), ("\n" * 1_000_000, 500_000)],
)
def test_extremes(gpt2_tokenizer, text, tokens):
    began = time.perf_counter()
    ids = gpt2_tokenizer.encode(text)
    assert len(ids) == tokens
    assert gpt2_tokenizer.decode(ids) == text
    assert time.perf_counter() - began < 5


def test_a_million_letters(gpt2_tokenizer):
    for text in ("a" * 1_000_000, "ab!" * 300_000, "\u2003x" * 300_000):
        assert gpt2_tokenizer.decode(gpt2_tokenizer.encode(text)) == text


@pytest.mark.parametrize("space", [" ", "\n", "\t ", "\u2003\xa0", "\x1c ", " \u2028\x85"])
@pytest.mark.parametrize("after", ["", "a", "1", "!", "é", "\x1c", "'s"])
def test_long_runs_of_space_are_cut_where_the_pattern_cuts(gpt2_tokenizer, reference, space, after):
    run = (space * 12_000)[:12_000]
    text = f"before{run}{after}{run}x {after}"
    assert gpt2_tokenizer.encode(text) == reference.encode(text).ids


def test_lone_surrogates_become_replacement_characters(gpt2_tokenizer):
    assert gpt2_tokenizer.decode(gpt2_tokenizer.encode("a\ud800b\udfff")) == "a\ufffdb\ufffd"
    long = " " * 20_000 + "\ud83d"
    assert gpt2_tokenizer.decode(gpt2_tokenizer.encode(long)) == " " * 20_000 + "\ufffd"


def test_encoder_and_merges_are_the_published_files(gpt2_tokenizer, gpt2_vocabulary):
    encoder = json.loads((gpt2_vocabulary / "encoder.json").read_text(encoding="utf-8"))
    assert gpt2_tokenizer.encoder() == encoder
    published = (gpt2_vocabulary / "vocab.bpe").read_text(encoding="utf-8")
    assert gpt2_tokenizer.merge_lines() == published


def test_every_published_form_of_the_merges(gpt2_tokenizer, reference, tmp_path):
    forms = {"merges.txt": gpt2_tokenizer.merge_lines(), "tokenizer.json": reference.to_str()}
    with_added = json.loads(forms["tokenizer.json"])
    with_added["added_tokens"] = [{"id": 50_256, "content": END_OF_TEXT, "special": True}]
    for i, (name, text) in enumerate([*forms.items(), ("tokenizer.json", json.dumps(with_added))]):
        folder = tmp_path / str(i)
        folder.mkdir()
        (folder / name).write_text(text, encoding="utf-8")
        assert Tokenizer.load(folder).merges == gpt2_tokenizer.merges


def test_transformers_agrees(gpt2_tokenizer, gpt2_vocabulary):
    theirs = GPT2Tokenizer(
        str(gpt2_vocabulary / "encoder.json"), str(gpt2_vocabulary / "vocab.bpe")
    )
    rng = random.Random(3)
    for _ in range(300):
        text = random_text(rng).replace(END_OF_TEXT, "")  # they make it one special token
        assert gpt2_tokenizer.encode(text) == theirs(text)["input_ids"], repr(text)


def test_a_token_outside_the_vocabulary_is_refused(gpt2_tokenizer):
    for i in (-1, 50_257, 2**70):
        with pytest.raises(ValueError, match=f"token {i} is outside the vocabulary of 50257"):
            gpt2_tokenizer.decode([i])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vocab.bpe", b"a b c\n"), ("vocab.bpe", b"\xff\xfe\n"), ("vocab.bpe", b"th e\n"),
        ("vocab.bpe", b"t h\nt h\n"), ("vocab.bpe", b"t \n"), ("merges.txt", b"\x80\x04K\x01.\n"),
        ("tokenizer.json", b"[]"), ("tokenizer.json", b"{}"), ("tokenizer.json", b"[" * 200_000),
        ("tokenizer.json", b'{"model": {"merges": 3}}'), ("tokenizer.json", b'{"model": NaN}'),
        ("tokenizer.json", b'{"model": {"merges": [["a", 1]], "vocab": {}}}'),
        ("tokenizer.json", b'{"model": {"merges": [], "vocab": {"a": 1}}}'),
        ("tokenizer.json", b'{"model": {"merges": []}}'),
        ("tokenizer.json", b'{"model": {"merges": [], "vocab": 5}}'),
    ],
)  # fmt: skip
def test_damaged_files_are_refused_in_a_line(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=name) as caught:
        Tokenizer.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_no_tokenizer_and_a_vocabulary_with_other_ids(tiny_tokenizer, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"vocab\.bpe, merges\.txt, tokenizer\.json"):
        Tokenizer.load(tmp_path)
    (tmp_path / "vocab.bpe").write_text(tiny_tokenizer.merge_lines(), encoding="utf-8")
    table = tiny_tokenizer.encoder()
    table["!"], table['"'] = table['"'], table["!"]
    (tmp_path / "encoder.json").write_text(json.dumps(table))
    with pytest.raises(ValueError, match=r"encoder\.json does not give the ids"):
        Tokenizer.load(tmp_path)


def test_read_merges_of_windows_line_ends(tiny_tokenizer, tmp_path):
    lines = tiny_tokenizer.merge_lines().replace("\n", "\r\n")
    (tmp_path / "merges.txt").write_bytes(lines.encode())
    assert read_merges(tmp_path / "merges.txt") == tiny_tokenizer.merges
