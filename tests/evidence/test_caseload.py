"""From posts and fused accounts to cases: whose texts, under which name."""

from __future__ import annotations

import math

import pytest

from hallmark.data import Label
from hallmark.evidence.caseload import drafts_of, masked, pseudonym_of
from hallmark.evidence.posts import Post

KEY = b"k" * 32
SHARED = "everybody must come to the square at noon and say it aloud, all of you"
POSTS = [
    Post("1", "mallory", 10.0, f"@trent: {SHARED} mallory"),
    Post("2", "mallory", 30.0, "what mallory said to @trent and m@example.org, not mallorys"),
    Post("3", "trent", 20.0, SHARED),
    Post("4", "mallory", 20.0, "the middle one, which is nothing like the others here"),
]
FUSED = {
    "prevalence": 0.02,
    "accounts": [
        {"account": "mallory", "posterior": 0.4, "texts": 3, "acts_together": True,
         "parts": {"content": 1.5}, "signals": [
             {"name": "age_days", "group": "account", "value": None, "counted": True,
              "log_likelihood_ratio": 0.2, "interval": [-0.1, 0.5], "n": 31}]},
        {"account": "trent", "posts": 1},
    ],
}  # fmt: skip


def test_accounts_become_drafts_under_another_name() -> None:
    drafts = drafts_of(FUSED, POSTS, key=KEY, pseudonyms=True, texts=2, gold={"trent": Label.HUMAN})
    one, two = drafts
    trent = pseudonym_of("trent", key=KEY)
    assert one.pseudonym == pseudonym_of("mallory", key=KEY)
    assert [t.id for t in one.texts] == ["4", "2"]  # the newest two, in order
    assert one.texts[1].text == (
        f"what {one.pseudonym} said to @{trent} and m@example.org, not mallorys"
    )
    assert (one.evidence.prevalence, one.evidence.posterior) == (0.02, 0.4)
    assert one.evidence.texts_in_all == 3
    assert math.isnan(one.evidence.signals[0].value)
    assert one.evidence.parts["content"] == 1.5
    ((group, others),) = one.evidence.neighbours.items()
    assert others == {trent: 1}
    assert two.texts[0].cluster == group
    assert one.texts[0].cluster == -1
    assert (one.gold, two.gold) == (None, Label.HUMAN)
    assert math.isnan(two.evidence.posterior)  # read, not weighed
    assert two.evidence.known == 0.02


def test_what_was_only_read_shows_its_values() -> None:
    read = {"account": "trent", "posts": 1, "copied": 1.0, "age_days": None, "partners": 2.0}
    drafts = drafts_of({"accounts": [read]}, POSTS, key=KEY, pseudonyms=True, texts=2)
    evidence = drafts[0].evidence
    found = {s.name: (s.group, s.value) for s in evidence.signals}
    assert found["copied"] == ("coordination", 1.0)
    assert math.isnan(found["age_days"][1])
    assert set(found) == {"copied", "age_days", "partners"}
    assert not any(s.counted or s.ratio.n for s in evidence.signals)
    assert evidence.acts_together
    assert math.isnan(evidence.posterior)


def test_names_stay_where_that_is_asked_for() -> None:
    one = drafts_of(FUSED, POSTS, key=KEY, pseudonyms=False, texts=9)[0]
    assert one.texts[0].text == POSTS[0].text
    assert "trent" in next(iter(one.evidence.neighbours.values()))


def test_a_pseudonym_needs_the_key() -> None:
    assert pseudonym_of("a", key=KEY) == pseudonym_of("a", key=KEY)
    assert pseudonym_of("a", key=KEY) != pseudonym_of("a", key=b"other")
    assert pseudonym_of("a", key=KEY) != pseudonym_of("b", key=KEY)
    assert masked("al and @al", names=["al"], rename=lambda n: "X") == "al and @X"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"accounts": None}, 'no list of "accounts"'),
        ({"accounts": [{"account": "eve"}]}, "account 'eve' has no post"),
        ({"accounts": [{"account": "trent"}, {"account": "trent"}]}, "comes twice"),
        ({"accounts": [{"account": "trent", "posterior": 2}]}, "damaged .a posterior of 2"),
        ({"accounts": [{"account": "trent", "signals": [{"name": "x"}]}]}, "is damaged"),
        ({"accounts": [{"account": "trent", "parts": 3}]}, "is damaged"),
        ({"accounts": [{"account": "trent", "copied": "x"}]}, "is damaged"),
        ({"prevalence": 1}, '"prevalence" is 1'),
        ({"prevalence": "x"}, '"prevalence" is x'),
    ],
)
def test_damage_is_told(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        drafts_of(FUSED | change, POSTS, key=KEY, pseudonyms=True, texts=2)


def test_a_label_wants_an_account() -> None:
    with pytest.raises(ValueError, match="'eve' has a label and no post"):
        drafts_of(FUSED, POSTS, key=KEY, pseudonyms=True, texts=2, gold={"eve": Label.HUMAN})
