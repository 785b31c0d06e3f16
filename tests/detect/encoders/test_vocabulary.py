"""Ids as transformers gives them, and vocabularies written and read again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import transformers

from hallmark.detect.encoders.published import read_vocabulary
from hallmark.detect.encoders.vocabulary import Bpe, as_config, from_config
from hallmark.models.tokenizer import Tokenizer

TEXTS = ["the <s> é\n  and </s>", "", "\U0001f6a2 ship", "a" * 500]


def test_a_folder_s_ids_are_transformers_own(make_roberta: Callable[..., Path]) -> None:
    folder = make_roberta("base")
    theirs = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    ours = read_vocabulary(folder)
    for text, ids in zip(TEXTS, ours.encode(TEXTS, most=100), strict=True):
        expected = theirs.encode(text, add_special_tokens=False, split_special_tokens=True)
        assert ids.tolist() == expected[:100]
    around = theirs.build_inputs_with_special_tokens([9]) if hasattr(
        theirs, "build_inputs_with_special_tokens") else theirs.encode("the")  # fmt: skip
    assert (around[0], around[-1]) == (*ours.specials.before, *ours.specials.after)


@pytest.mark.parametrize("make", [Bpe.for_rung, Bpe.for_roberta])
def test_the_ladder_s_ids(make: Callable[[Tokenizer], Bpe], tmp_path: Path) -> None:
    tokenizer = Tokenizer([(b"t", b"h"), (b"th", b"e")])
    vocabulary = make(tokenizer)
    ids = vocabulary.encode(TEXTS, most=7)
    for text, own in zip(TEXTS, ids, strict=True):
        assert (own - vocabulary.shift).tolist() == tokenizer.encode(text)[:7]
    special = {*vocabulary.specials.before, *vocabulary.specials.after, vocabulary.specials.hidden}
    assert not special & {i for own in ids for i in own.tolist()}
    vocabulary.save(tmp_path)
    again = from_config(as_config(vocabulary), tmp_path)
    assert again.specials == vocabulary.specials
    for own, other in zip(ids, again.encode(TEXTS, most=7), strict=True):
        assert own.tolist() == other.tolist()


def test_written_and_read_again(make_roberta: Callable[..., Path], tmp_path: Path) -> None:
    vocabulary = read_vocabulary(make_roberta("base"))
    vocabulary.save(tmp_path)
    again = from_config(as_config(vocabulary), tmp_path)
    for one, other in zip(*(v.encode(TEXTS, most=50) for v in (vocabulary, again)), strict=True):
        assert one.tolist() == other.tolist()
    for change in ({"pad": None}, {"before": 3}, {"file": "x.json"}, {"file": "vocab.bpe"}):
        with pytest.raises(ValueError, match="vocabulary"):
            from_config(as_config(vocabulary) | change, tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match="is no tokenizer"):
        from_config(as_config(vocabulary), tmp_path)
