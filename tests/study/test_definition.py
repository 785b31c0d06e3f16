"""The study file: the template is whole, and every wrong entry is named."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from hallmark.study.definition import Study, load_study, parse_study
from hallmark.study.template import study_file

TEXT = study_file({"a": "a.jsonl", "b": "b.jsonl", "h": "h.jsonl"}, human=["h"])


def test_the_template_says_what_the_defaults_are(study: Study) -> None:
    assert study.index is not None
    assert study.index.questions == (
        "credibility.believable", "credibility.accurate", "credibility.clear",
    )  # fmt: skip
    assert [(c.higher, c.lower) for c in study.contrasts] == [("774M", "355M"), ("1.5B", "774M")]
    assert [c.human for c in study.conditions] == [False, False, False, True]
    assert study.design == type(study.design)()


@pytest.mark.parametrize(
    ("human", "truth", "scales"),
    [
        ((), "The texts were written by language models.", ["credibility"]),
        (("a",), "Some of the texts were written by people and some by", ["credibility", "author"]),
        (("a", "b"), "The texts were written by people.", ["credibility"]),
    ],
)
def test_the_words_are_true_of_the_conditions(
    human: tuple[str, ...], truth: str, scales: list[str]
) -> None:
    text = study_file({"a": "a.jsonl", "b": "b.jsonl"}, human=human)
    study = parse_study(tomllib.loads(text))
    assert truth in " ".join(study.words.debrief.split())
    assert [scale.name for scale in study.scales] == scales
    assert ("written by computers" in " ".join(study.words.consent.split())) == (len(human) < 2)
    if len(human) != 1:
        assert "Some of the texts" not in text
        assert "needs texts of people and of machines" in text


def test_the_hash_is_of_every_entry(study: Study) -> None:
    assert parse_study(tomllib.loads(TEXT)).hash == parse_study(tomllib.loads(TEXT)).hash
    assert parse_study(tomllib.loads(TEXT.replace("seed = 0", "seed = 1"))).hash != study.hash


@pytest.mark.parametrize(
    ("old", "fresh", "said"),
    [
        ("texts_per_rater = 12", "texts_per_rater = 0", "texts_per_rater must be a whole number"),
        ("texts_per_rater = 12", "texts_a_rater = 12", "an entry of design must be one of"),
        ('higher = "b"', 'higher = "c"', "a condition in a contrast must be one of a, b, h"),
        ('answer = "No"', 'answer = "Maybe"', "must be one of Yes, No"),
        ('name = "b"', 'name = "a"', "two of the conditions have one name"),
        ("high = 10", "high = 0", "needs 0 <= low < high <= 100"),
        ("human = false", "human = 1", "human must be of type bool"),
        ("[design]", "[design", "is not TOML"),
        ('kind = "detection"', 'kind = "guess"', "must be one of rating, detection, boundary"),
    ],
)
def test_a_wrong_entry_is_named(old: str, fresh: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    assert old in TEXT
    path.write_text(TEXT.replace(old, fresh, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=r"study\.toml") as error:
        load_study(path)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('[[checks]]\nquestion = "x"\n', r"write \[\[check\]\]"),
        ('[[contrasts]]\nhigher = "774M"\nlower = "355M"\n', r"write \[\[contrast\]\]"),
        ('[[contrast]]\nhigher = "774M"\nlower = "774M"\n', "with itself"),
        ("[expected]\nmeans = 5\n", "means must be a table of numbers"),
        ('[expected]\nmeans = { a = "x" }\n', "means must be a table of numbers"),
    ],
)
def test_what_would_be_lost_or_misread_is_refused(more: str, message: str) -> None:
    own = tomllib.loads(more)
    with pytest.raises(ValueError, match=message):
        parse_study({**tomllib.loads(TEXT), **own})


def test_a_file_that_is_no_study_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(TEXT.encode("utf-16"))
    with pytest.raises(ValueError, match="UTF-16"):
        load_study(path)
    path.write_text("a = " + "[" * 5000 + "]" * 5000)
    with pytest.raises(ValueError, match="nested too deeply"):
        load_study(path)
