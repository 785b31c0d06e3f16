"""Misuse: fine-tune on growing amounts of a position's text, and measure what that changes.

`misuse` writes misuse.json, misuse.md and figures. In misuse.json every measured value is an object
{value, low, high, n}; the fields are listed at `analyse`, and docs/misuse.md explains them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hallmark import __version__
from hallmark.data import finite
from hallmark.detect.combination import Combination
from hallmark.evaluate.corpora import HUMAN, Corpora, read_corpora
from hallmark.evaluate.crosstable import OnStep, Step, hash_of
from hallmark.evaluate.misuse_measure import Base, Gauge
from hallmark.evaluate.misuse_report import draw, markdown
from hallmark.evaluate.misuse_settings import MisuseConfig
from hallmark.evaluate.misuse_texts import Position, read_position
from hallmark.evaluate.misuse_tune import tune, tuned_key, write_samples
from hallmark.evaluate.store import Store, key_of
from hallmark.lm.model import LanguageModel
from hallmark.lm.training.run import MODEL
from hallmark.models.folder import read_json, sha256_of, write_json, write_text
from hallmark.models.sizes import BUNDLED, MANIFEST, find_model
from hallmark.models.tokenizer import Tokenizer
from hallmark.outputs.identity import model_hashes
from hallmark.outputs.imports import practised
from hallmark.outputs.names import SPLITS

FORMAT, VERSION = "hallmark-misuse", 1
RESULT = "misuse.json"
CACHE = "cache"
MEASURES = 2  # raised whenever a point has other fields or other arithmetic
UNIT = 1_000  # tokens trained on that are one unit of progress
MEASURING = 200  # units of work of writing and measuring one model's samples

NOT_SHOWN = (
    "Whether anybody would be convinced or harmed: no person read these texts.",
    "Whether the position is right, wrong or dangerous. A classifier that knows its other texts "
    "says how recognisable it is, which is style and topic as much as opinion.",
    "Whether people who hold the position would be taken for the model. Detectors are measured "
    "against human texts of other kinds; the last column of the first table of detection says how "
    "many of the position's own documents they flag.",
    "What other positions, models or detectors would give. One position and one model were tried.",
    "How much one fine-tuning differs from the next: each size was fine-tuned once, with one seed. "
    "Intervals are of texts, not of runs.",
    "What somebody would reach who tried to evade detection: nothing here did.",
    "Fluency as people judge it: bits per byte are low for text that repeats itself, too.",
    "What another language, longer texts, or prompts would change.",
)  # fmt: skip


@dataclass(frozen=True)
class Inputs:
    """What an analysis is of: a corpus, people's texts, a model by name and where it is."""

    corpus: str
    human: Path
    model: str
    base: Path
    home: Path
    device: str = "cpu"


def misuse(
    inputs: Inputs,
    out: Path,
    config: MisuseConfig,
    *,
    command: str = "",
    on_step: OnStep = lambda _: None,
) -> dict[str, Any]:
    """Analyse and write everything to `out`, misuse.json last; killed, the same call goes on.

    What is in out/cache is not computed again. ValueError says what is wrong with a setting, the
    corpus or the human texts.
    """
    record = analyse(inputs, out / CACHE, config, command=command, on_step=on_step)
    draw(record, out)
    write_text(out / "misuse.md", markdown(record))
    write_json(out / RESULT, record)
    return record


def analyse(
    inputs: Inputs,
    cache: Path,
    config: MisuseConfig,
    *,
    command: str = "",
    on_step: OnStep = lambda _: None,
) -> dict[str, Any]:
    """The record that misuse.json holds.

    format, version, command, seed, model, settings, provenance (versions and hashes), corpus and
    human (counts of texts), published (the release's own figures), not_shown (sentences), `curve`
    (points in order of `documents`; that with 0 is the base model, not fine-tuned) and `final` (the
    last point again). A point: documents, training (null at 0), samples (n, mean_tokens,
    reaching: those of `length` tokens), recognition, fluency, copying (see `Gauge`) and
    detection: a list of {detector, accuracy, auroc, tpr, fpr, accuracy_lost, auroc_lost, tpr_lost,
    held_out_flagged, own_lengths: {base, base_cut, tuned, lost, by_length, by_rest}}, rates at 5 %
    false positives; held_out_flagged is the share of the position's own documents above that.
    """
    tokenizer = Tokenizer.load(inputs.base)
    position = read_position(inputs.corpus, tokenizer, config)
    counts = [n for n in config.counts if n < len(position.pool)]
    if len(counts) < len(config.counts):
        counts.append(len(position.pool))
    work = _Work(inputs, cache, config, position, counts, on_step)
    human = work.human_counts()  # whatever is wrong with these texts shows before the work
    points = [work.point(n) for n in (0, *counts)]
    on_step(Step(work.total, work.total, "done"))
    record = {
        "format": FORMAT, "version": VERSION, "command": command, "seed": config.seed,
        **practised(inputs.human), "model": inputs.model, "settings": asdict(config),
        "provenance": work.provenance(),
        "corpus": _about(position), "human": human,
        "published": {"what": "GPT-2 fine-tuned on Amazon reviews, TF-IDF, top-k 40, accuracy",
                      "base": 0.927, "tuned": 0.702, "share_by_length": 0.5},
        "curve": points, "final": points[-1], "not_shown": list(NOT_SHOWN),
    }  # fmt: skip
    return json.loads(json.dumps(finite(record)))  # type: ignore[no-any-return]


def _about(position: Position) -> dict[str, Any]:
    parts = {n: len(getattr(position, n)) for n in ("pool", "select", "judge", "held")}
    return {
        "name": position.name, **parts, "exact_duplicates": position.exact,
        "near_duplicates": position.near, "sha256": position.digest,
    }  # fmt: skip


class _Work:
    """Models, samples and points by size, each made once and kept."""

    def __init__(
        self, inputs: Inputs, cache: Path, config: MisuseConfig, position: Position,
        counts: Sequence[int], on_step: OnStep,
    ) -> None:  # fmt: skip
        self.inputs, self.cache, self.config, self.position = inputs, cache, config, position
        self.counts, self.on_step = list(counts), on_step
        mean = sum(map(len, position.pool)) / len(position.pool) / 4  # characters of a token
        self.units = {0: MEASURING} | {
            n: MEASURING + int(config.training(int(n * mean)).steps * self._step / UNIT)
            for n in counts
        }
        self.total = sum(self.units.values())
        self.inputs_hash: dict[str, Any] = {
            "human": hash_of(inputs.human), "detector": hash_of(BUNDLED / "detector"),
            "model": model_hashes(inputs.base), "texts": position.digest,
            "judge": hash_of(find_model(config.judge, home=inputs.home)),
        }  # fmt: skip
        self.samples: dict[str, str] = {}
        self._gauge: Gauge | None = None
        self._corpora: Corpora | None = None

    @property
    def _step(self) -> int:
        return self.config.batch_size * self.config.sequence_length

    def point(self, count: int) -> dict[str, Any]:
        """One point of the curve."""
        name = self._name(count)
        folder = self._tuned(count)
        model = folder / MODEL if count else self.inputs.base
        trained = self._tune(folder, count) if count else None
        self._tell(count, "samples")
        samples = write_samples(
            folder / f"samples-{self._sampling}", model, name, self.config,
            device=self.inputs.device, base=not count,
        )  # fmt: skip
        self.samples[name] = sha256_of(samples.folder / MANIFEST)
        key = key_of(
            base=self.samples[self._name(0)], samples=self.samples[name], inputs=self.inputs_hash,
            settings={**asdict(self.config), "sizes": ""}, version=__version__,
            compared=count or self.counts[-1], measures=MEASURES,
        )  # fmt: skip
        path = self.cache / f"point-{count}-{key[:16]}.json"
        if not path.is_file():
            self._tell(count, "measuring")
            measured = self._gauge_of().measure(
                samples.folder, count, LanguageModel.load(model, device=self.inputs.device)
            )
            write_json(path, finite({"documents": count, "training": trained, **measured}))
        return read_json(path)

    def _tune(self, folder: Path, count: int) -> dict[str, Any]:
        self._tell(count, "fine-tuning")
        return tune(
            folder, self.inputs.base, self.position, count, self.config,
            device=self.inputs.device,
            on_tokens=lambda n: self._tell(count, "fine-tuning", n // UNIT),
        )  # fmt: skip

    def _tuned(self, count: int) -> Path:
        if not count:
            return self.cache / "base"
        key = tuned_key(self.inputs.base, self.position, count, self.config)
        return self.cache / f"tuned-{count}-{key[:16]}"

    @property
    def _sampling(self) -> str:
        names = ("sampling", "samples", "train", "valid", "most", "seed")
        chosen = {name: getattr(self.config, name) for name in names}
        return key_of(model=self.inputs_hash["model"], **chosen)[:8]

    def _name(self, count: int) -> str:
        own = Path(self.inputs.model).name
        return f"{own}-tuned-{count}" if count else own

    def _tell(self, count: int, what: str, within: int = 0) -> None:
        before = sum(n for c, n in self.units.items() if c < count)
        done = before + min(within, self.units[count])
        self.on_step(Step(done, self.total, f"{count} documents: {what}" if count else what))

    def _gauge_of(self) -> Gauge:
        if self._gauge is None:
            base = Base(
                self.position, self.cache / "base" / f"samples-{self._sampling}", self.counts[-1]
            )
            judge = find_model(self.config.judge, home=self.inputs.home)
            self._gauge = Gauge(
                base, self._texts(), self.config,
                judge=LanguageModel.load(judge, device=self.inputs.device),
                bundled=Combination.load(BUNDLED / "detector", home=self.inputs.home),
                store=Store(self.cache / "readings"), detector=self.inputs_hash["detector"],
            )  # fmt: skip
        return self._gauge

    def _texts(self) -> Corpora:
        if self._corpora is None:
            tokenizer = Tokenizer.load(self.inputs.base)
            self._corpora = read_corpora([], self.inputs.human, tokenizer=tokenizer)
        return self._corpora

    def human_counts(self) -> dict[str, int]:
        """Human texts of each split that have `length` tokens."""
        corpora, length = self._texts(), self.config.length
        return {s: len(corpora.reaching(HUMAN, s, length)) for s in SPLITS}

    def provenance(self) -> dict[str, Any]:
        """Version, hashes of what was read, and of the samples' manifests."""
        return {"hallmark": __version__, "inputs": self.inputs_hash, "samples": self.samples}
