"""A whole small analysis: what its record says, what nobody may see, and that it goes on."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hallmark.detect.normalise import normalise
from hallmark.detect.tfidf import Tfidf
from hallmark.evaluate.crosstable import Step
from hallmark.evaluate.misuse import Inputs, misuse
from hallmark.evaluate.misuse_settings import MisuseConfig
from hallmark.evaluate.misuse_texts import read_position
from hallmark.evaluate.standin import standin
from hallmark.models.sizes import BUNDLED
from hallmark.models.tokenizer import Tokenizer

CONFIG = MisuseConfig(
    sizes="10", samples=24, train=24, valid=20, length=24, most=32, copied=8, held=24, select=4,
    steps=20, passes=3, batch_size=4, sequence_length=128, judge="ladder-0.5M",
)  # fmt: skip
ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Made:
    """An analysis, the folder it is in, and the texts that TF-IDF detectors learnt from."""

    record: dict[str, Any]
    out: Path
    learnt: list[str]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """The ladder's smallest rung, random words for people's texts, maps for a position."""
    human, draw = tmp_path_factory.mktemp("human"), random.Random(0)
    words = ("we", "never", "saw", "it", "rain", "in", "the", "north", "for", "a", "year", "but")
    for split, count in {"train": 24, "valid": 20, "test": 20}.items():
        texts = [" ".join(draw.choices(words, k=50)) for _ in range(count)]
        records = [{"id": i, "ended": True, "length": 50, "text": t} for i, t in enumerate(texts)]
        path = human / f"prose.{split}.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    corpus = human.parent / "maps.jsonl"
    lines = (json.dumps({"text": text}) + "\n" for text in standin("maps", documents=120))
    corpus.write_text("".join(lines))
    return Inputs(str(corpus), human, "ladder-0.5M", BUNDLED / "ladder-0.5M", human.parent)


@pytest.fixture(scope="module")
def made(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Made:
    out, learnt = tmp_path_factory.mktemp("misuse"), []
    fit = Tfidf.fit

    def recorded(self: Tfidf, texts: list[str], labels: list[int], **options: Any) -> None:
        learnt.extend([*texts, *options["validation"][0]])
        fit(self, texts, labels, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tfidf, "fit", recorded)
        record = misuse(inputs, out, CONFIG, command="hallmark misuse ...")
    return Made(record, out, learnt)


def test_the_record_is_the_file_and_has_every_measure(made: Made) -> None:
    record = json.loads((made.out / "misuse.json").read_text())
    assert record == made.record
    assert [point["documents"] for point in record["curve"]] == [0, 10]
    assert record["final"] == record["curve"][-1]
    for point in record["curve"]:
        assert 0 < point["samples"]["reaching"] <= point["samples"]["n"] <= CONFIG.samples
        assert point["recognition"]["share"]["n"] == point["samples"]["reaching"]
        assert [one["detector"] for one in point["detection"]] == ["bundled", "tfidf", "features"]
    base, tuned = record["curve"]
    assert all(one["accuracy_lost"]["value"] == 0 for one in base["detection"])
    assert tuned["training"]["documents"] == 10
    assert tuned["fluency"]["model_held_out"]["high"] < base["fluency"]["model_held_out"]["low"]
    for one in tuned["detection"]:
        own = one["own_lengths"]
        parts = own["by_length"]["value"] + own["by_rest"]["value"]
        assert own["lost"]["value"] == pytest.approx(parts)


def test_the_position_is_told_from_people(made: Made) -> None:
    recognition = made.record["final"]["recognition"]
    assert recognition["held_out"]["low"] > 0.5 > recognition["human"]["high"]


def test_the_classifier_never_sees_what_it_is_tested_on(made: Made, inputs: Inputs) -> None:
    tokenizer = Tokenizer.load(inputs.base)
    position = read_position(inputs.corpus, tokenizer, CONFIG)

    def cut(texts: tuple[str, ...]) -> set[str]:
        ids = [tokenizer.encode(normalise(text))[: CONFIG.length] for text in texts]
        return {tokenizer.decode(own) for own in ids}

    learnt = set(made.learnt)
    assert len(cut(position.judge) & learnt) == len(position.judge)
    # beginnings that the stand-in happens to use twice are no leak
    hidden = cut((*position.held, *position.pool, *position.select)) - cut(position.judge)
    assert not hidden & learnt


def test_only_weights_and_samples_are_kept(made: Made) -> None:
    (tuned,) = (made.out / "cache").glob("tuned-10-*")
    names = sorted(path.name.partition("-")[0] for path in tuned.iterdir())
    assert names == ["model", "samples", "training.json"]


def test_interrupted_it_goes_on_to_the_same_bytes(
    made: Made, inputs: Inputs, tmp_path: Path
) -> None:
    def stop_at(what: str, times: int) -> Iterator[None]:
        seen = 0

        def on_step(step: Step) -> None:
            nonlocal seen
            seen += what in step.what
            if seen == times:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            misuse(inputs, tmp_path, CONFIG, command="hallmark misuse ...", on_step=on_step)
        yield

    for what, times in (("fine-tuning", 4), ("10 documents: measuring", 1)):
        next(stop_at(what, times))
        assert not (tmp_path / "misuse.json").exists()
    steps: list[Step] = []
    misuse(inputs, tmp_path, CONFIG, command="hallmark misuse ...", on_step=steps.append)
    for name in ("misuse.json", "misuse.md", "misuse-curve.svg"):
        assert (tmp_path / name).read_bytes() == (made.out / name).read_bytes()
    assert steps[-1].done == steps[-1].total
    assert not any("fine-tuning" in s.what and s.done > steps[0].total // 2 for s in steps[-2:])


def test_the_page_says_what_is_not_shown(made: Made) -> None:
    text = (made.out / "misuse.md").read_text(encoding="utf-8")
    assert "## What this does not show" in text
    assert "no person read these texts" in text
    assert "92.7%" in text


def test_the_committed_result_has_the_same_fields(made: Made) -> None:
    committed = json.loads((ROOT / "docs" / "misuse" / "misuse.json").read_text())
    fresh = json.loads((made.out / "misuse.json").read_text())
    for record in (committed, fresh):
        del record["provenance"]["samples"]  # named by the model and the sizes
    assert fields(committed) == fields(fresh)


def fields(value: Any, at: str = "") -> set[str]:
    """Every path of names in JSON; items of a list have one name."""
    if isinstance(value, dict):
        return {at}.union(*(fields(inner, f"{at}.{key}") for key, inner in value.items()))
    return {at}.union(*(fields(v, f"{at}[]") for v in value)) if isinstance(value, list) else {at}
