"""A plan gives each document its id, seed and prompt, whatever the shards."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest

from hallmark.lm.sampling import document_seed
from hallmark.outputs.plan import make_plan, prompt_ranges
from hallmark.outputs.settings import BuildConfig

CONFIG = BuildConfig(sampling="pure,nucleus", train=10, valid=3, test=4, shard=4)


def test_ids_run_on_and_seeds_are_documents_own() -> None:
    plan = make_plan(CONFIG, ["7M", "124M"])
    assert [c.source for c in plan.corpora] == [
        "ladder-7M", "ladder-7M-nucleus", "small-117M", "small-117M-nucleus",
    ]  # fmt: skip
    assert plan.total == 4 * 17
    tasks = [t for shard in plan.all_shards() for t in plan.tasks(shard)]
    assert [t.id for t in tasks] == list(range(17)) * 4
    assert len({t.seed for t in tasks}) == len(tasks)
    assert tasks[11].seed == document_seed(0, "ladder-7M", "valid", 1)


@pytest.mark.parametrize("shard", [1, 3, 100])
def test_shards_change_no_document(shard: int) -> None:
    plan = make_plan(CONFIG, ["7M"])
    other = make_plan(dataclasses.replace(CONFIG, shard=shard), ["7M"])
    flat = [[t for s in p.all_shards() for t in p.tasks(s)] for p in (plan, other)]
    assert flat[0] == flat[1]


def test_no_prompt_is_in_two_splits_and_all_are_used() -> None:
    prompts = [f"prompt {i}" for i in range(8)]
    plan = make_plan(CONFIG, ["7M"], [*prompts, "prompt 0"])
    used = {
        split: [plan.task(plan.corpora[0], split, i).prompt for i in range(n)]
        for split, n in CONFIG.counts.items()
    }
    sets = [set(found) for found in used.values()]
    assert sum(map(len, sets)) == len(set.union(*sets)) == 8
    assert used["train"][0] == "prompt 0"
    assert plan.corpora[0].source == "ladder-7M-prompted"


def test_prompt_ranges_cover_all_prompts() -> None:
    for count in range(3, 40):
        ranges = list(prompt_ranges(count, CONFIG).values())
        assert (ranges[0][0], ranges[-1][1]) == (0, count)
        assert all(low < high for low, high in ranges)
        assert all(a[1] == b[0] for a, b in pairwise(ranges))
    with pytest.raises(ValueError, match="2 different prompts are too few for 3 splits"):
        make_plan(CONFIG, ["7M"], ["a", "b", "a"])


def test_one_model_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="two models would make small-117M"):
        make_plan(CONFIG, ["124M", "gpt2"])
