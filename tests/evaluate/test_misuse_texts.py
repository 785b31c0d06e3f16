"""A position's parts share no text, whatever the order of its file; duplicates are in none."""

from __future__ import annotations

import json
import random
from itertools import combinations
from pathlib import Path

import pytest

from hallmark.evaluate.misuse_settings import MisuseConfig
from hallmark.evaluate.misuse_texts import divide, read_position
from hallmark.evaluate.misuse_tune import tuned_key
from hallmark.evaluate.standin import standin
from hallmark.models.sizes import BUNDLED
from hallmark.models.tokenizer import Tokenizer

CONFIG = MisuseConfig(held=20, select=8)


def test_no_text_is_in_two_parts(tokenizer: Tokenizer) -> None:
    texts = list(standin("maps", documents=120))
    own = divide("maps", texts, tokenizer, CONFIG)
    parts = {name: set(getattr(own, name)) for name in ("pool", "select", "judge", "held")}
    assert {name: len(part) for name, part in parts.items()} == {
        "pool": 72, "select": 8, "judge": 20, "held": 20,
    }  # fmt: skip
    assert all(not one & other for one, other in combinations(parts.values(), 2))
    assert set.union(*parts.values()) == set(texts)


def test_the_order_of_the_file_says_nothing(tokenizer: Tokenizer) -> None:
    texts = list(standin("maps", documents=120))
    own = divide("maps", texts, tokenizer, CONFIG)
    random.Random(0).shuffle(texts)
    assert divide("maps", texts, tokenizer, CONFIG) == own


def test_duplicates_are_left_out(tokenizer: Tokenizer, tmp_path: Path) -> None:
    texts = list(standin("letters", documents=100))
    again = [texts[0].upper(), texts[1] + " Farewell."]
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in [*texts, *again]))
    own = read_position(str(path), tokenizer, CONFIG)
    assert (own.exact, own.near) == (1, 1)
    assert own.name == "own.jsonl"
    assert len(own.pool) == 100 - 8 - 2 * 20


def test_too_few_documents_are_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match=r"maps has 30 different documents .* 50 are needed"):
        divide("maps", standin("maps", documents=30), tokenizer, CONFIG)


def test_a_tuned_model_belongs_to_its_texts_and_settings(tokenizer: Tokenizer) -> None:
    base = BUNDLED / "ladder-0.5M"
    own = divide("maps", standin("maps", documents=120), tokenizer, CONFIG)
    other = divide("maps", standin("maps", documents=120, seed=1), tokenizer, CONFIG)
    key = tuned_key(base, own, 10, CONFIG)
    assert key == tuned_key(base, own, 10, MisuseConfig(held=20, select=8, samples=7))
    assert len({
        key, tuned_key(base, other, 10, CONFIG), tuned_key(base, own, 11, CONFIG),
        tuned_key(base, own, 10, MisuseConfig(held=20, select=8, lr=1e-4)),
        tuned_key(BUNDLED / "ladder-1M", own, 10, CONFIG),
    }) == 5  # fmt: skip


def test_every_size_passes_over_its_documents() -> None:
    config = MisuseConfig(steps=50, passes=5, batch_size=2, sequence_length=10)
    steps = {tokens: config.training(tokens).steps for tokens in (40, 200, 400, 4000)}
    assert steps == {40: 20, 200: 50, 400: 50, 4000: 200}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sizes": "10,5"}, "sizes must be rising"),
        ({"sizes": "some"}, "sizes must be rising"),
        ({"most": 100}, "most must be at least length"),
        ({"lr": 0.0}, "lr must be more than 0"),
        ({"held": 3}, "held must be at least 10"),
    ],
)
def test_settings_out_of_range(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MisuseConfig(**settings)  # type: ignore[arg-type]
