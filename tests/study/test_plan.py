"""Plans: balanced within one at every moment, counterbalanced, the same from the same file."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hallmark.study.definition import Design, Study
from hallmark.study.plan import Plan, deal, make_plan, read_plan, williams, write_plan
from hallmark.study.texts import cut, lengths, usable


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(2, 8), st.integers(1, 8), st.integers(0, 99))
def test_after_any_number_of_places_all_is_balanced_within_one(
    conditions: int, texts: int, each: int, seed: int
) -> None:
    each = min(each, texts * conditions)
    design = Design(texts_per_condition=texts, texts_per_rater=each, seed=seed)
    dealt = deal(design, conditions, 30)
    seen: Counter[tuple[int, int]] = Counter()
    for hand in dealt:
        assert len(hand) == len(set(hand)) == each
        seen.update(hand)
        for c in range(conditions):
            counts = [seen[c, t] for t in range(texts)]
            assert max(counts) - min(counts) <= 1
        totals = [sum(seen[c, t] for t in range(texts)) for c in range(conditions)]
        assert max(totals) - min(totals) <= 1


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_each_condition_follows_each_other_one_equally_often(n: int) -> None:
    rows = williams(n)
    assert all(sorted(row) == list(range(n)) for row in rows)
    follows = Counter((a, b) for row in rows for a, b in pairwise(row))
    assert len(follows) == n * (n - 1)
    assert len(set(follows.values())) <= 1


def corpora(folder: Path, study: Study) -> None:
    for number, condition in enumerate(study.conditions):
        with (folder / condition.texts).open("w") as file:
            for i in range(30):
                word = f"w{number}-{i}"
                length = 42 + (i * 7 + number * 11) % 60
                text = " ".join([word] * length) + "."
                file.write(json.dumps({"id": f"{i}", "text": text}) + "\n")


def test_a_plan_matches_lengths_hides_conditions_and_is_reproducible(
    study: Study, tmp_path: Path
) -> None:
    corpora(tmp_path, study)
    plan = make_plan(study, tmp_path)
    assert plan.hash == make_plan(study, tmp_path).hash
    other = replace(study, design=replace(study.design, seed=1))
    assert make_plan(other, tmp_path).places != plan.places
    means = [mean for mean, _ in lengths(plan.texts).values()]
    assert max(means) - min(means) < 4
    assert all(c.name not in t.id for t in plan.texts for c in study.conditions)
    assert set(balance(plan).values()) == {(6, 6)}
    assert all(sum(n.startswith("attention") for n in place) == 1 for place in plan.places)


def test_a_changed_plan_is_refused(study: Study, tmp_path: Path) -> None:
    corpora(tmp_path, study)
    path = tmp_path / "plan.json"
    write_plan(make_plan(study, tmp_path), path)
    assert read_plan(path, study).seed == 0
    with pytest.raises(ValueError, match="another version of the study file"):
        read_plan(path, replace(study, title="other"))
    path.write_bytes(path.read_bytes().replace(b'"human"', b'"355M"', 1))
    with pytest.raises(ValueError, match="was changed after it was made"):
        read_plan(path, study)


def test_too_few_texts_are_said(study: Study, tmp_path: Path) -> None:
    corpora(tmp_path, study)
    with pytest.raises(ValueError, match=r"a\.jsonl has 30 texts .* not 31"):
        make_plan(replace(study, design=replace(study.design, texts_per_condition=31)), tmp_path)


def test_texts_that_stop_in_a_sentence_are_used_and_too_few_name_the_cure(
    study: Study, tmp_path: Path
) -> None:
    corpora(tmp_path, study)
    unfinished = " ".join(["word"] * 41) + ". And then it"
    lines = [json.dumps({"text": f"{i} {unfinished}"}) + "\n" for i in range(20)]
    (tmp_path / "a.jsonl").write_text("".join(lines) + json.dumps({"text": "Too short."}) + "\n")
    plan = make_plan(study, tmp_path)
    assert {t.words for t in plan.texts if t.condition == "355M"} == {42}
    design = replace(study.design, min_words=43)
    with pytest.raises(ValueError, match=r"a\.jsonl has 0 texts .*of 21 read") as error:
        make_plan(replace(study, design=design), tmp_path)
    for cure in ("lower min_words", "longer texts", "--max-tokens", "lower texts_per_condition"):
        assert cure in str(error.value)


def test_usable_texts_are_counted_where_the_files_are(study: Study, tmp_path: Path) -> None:
    corpora(tmp_path, study)
    (tmp_path / "b.jsonl").unlink()
    found = usable(replace(study, design=replace(study.design, max_words=60)), tmp_path)
    assert {name: count is None for name, count in found.items()} == {
        "355M": False, "774M": True, "1.5B": False, "human": False,
    }  # fmt: skip
    assert 0 < (found["355M"] or 0) < 30


def test_texts_are_cut_at_the_end_of_a_sentence() -> None:
    text = 'One two three. "Four five!" Six seven'
    assert cut(text, min_words=1, max_words=9) == 'One two three. "Four five!"'
    assert cut(text, min_words=6, max_words=9) is None
    assert cut("No end here", min_words=1, max_words=9) is None
    assert cut(text, min_words=1, max_words=5) == 'One two three. "Four five!"'
    assert cut(text, min_words=4, max_words=4) is None


def balance(plan: Plan, places: int | None = None) -> dict[str, tuple[int, int]]:
    """Fewest and most readings of a text in each condition, over the first places."""
    counts = {t.id: 0 for t in plan.texts}
    for place in plan.places[:places]:
        for name in place:
            if name in counts:
                counts[name] += 1
    found: dict[str, tuple[int, int]] = {}
    for text in plan.texts:
        low, high = found.get(text.condition, (counts[text.id], counts[text.id]))
        found[text.condition] = (min(low, counts[text.id]), max(high, counts[text.id]))
    return found
