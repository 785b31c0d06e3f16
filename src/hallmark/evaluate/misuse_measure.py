"""What is measured on one model's samples: recognition, fluency, copying, detection.

Everything that does not depend on the fine-tuned model is made once, when it is first needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hallmark import stats
from hallmark.detect.combination import Combination
from hallmark.detect.cutting import decoded
from hallmark.detect.normalise import normalise
from hallmark.detect.tfidf import Tfidf
from hallmark.evaluate.cells import best_threshold, difference, share_above
from hallmark.evaluate.copying import longest_runs, near_duplicates
from hallmark.evaluate.corpora import HUMAN, Corpora
from hallmark.evaluate.fluency import bits_per_byte, repeated
from hallmark.evaluate.misuse_panel import (
    AT,
    Ids,
    Lengths,
    Panel,
    Split,
    equal_lengths,
    matched,
    own_lengths,
)
from hallmark.evaluate.misuse_settings import MisuseConfig
from hallmark.evaluate.misuse_texts import Position
from hallmark.evaluate.store import Store
from hallmark.lm.model import LanguageModel
from hallmark.models.tokenizer import Tokenizer
from hallmark.outputs.names import SPLITS
from hallmark.outputs.outputset import open_outputs
from hallmark.stats import Estimate, Floats

SHORTEST = 8  # tokens of a sample that counts as a text
LEAST = 20  # texts of a kind


@dataclass(frozen=True)
class Base:
    """A position, the samples of the model that was not fine-tuned, the most documents of all."""

    position: Position
    samples: Path
    largest: int


class Gauge:
    """Measures samples against a position's other texts, human texts and the base's samples."""

    def __init__(
        self, base: Base, corpora: Corpora, config: MisuseConfig, *, judge: LanguageModel,
        bundled: Combination, store: Store, detector: str,
    ) -> None:  # fmt: skip
        self._base, self._corpora, self._config = base, corpora, config
        self._judge, self._bundled = judge, bundled
        self._store, self._detector = store, detector

    def measure(self, samples: Path, count: int, model: LanguageModel) -> dict[str, Any]:
        """The point's measures; `model` wrote the samples after `count` documents (0: the base).

        ValueError where too few samples have the length that all are compared at.
        """
        ids = self._read(samples, "test")
        equal = self._equal(ids, f"samples after {count} documents")
        found = {
            "samples": {
                "n": len(ids), "mean_tokens": float(np.mean([len(i) for i in ids])),
                "reaching": len(equal),
            },
            "recognition": self._recognition(equal),
            "fluency": self._fluency(equal, model),
            "copying": self._copying(ids, count),
            "detection": self._detection(ids, equal),
        }  # fmt: skip
        return {name: _plain(value) for name, value in found.items()}

    def _recognition(self, equal: Sequence[Ids]) -> dict[str, Any]:
        """Shares above the classifier's threshold; `base` and `human` are what is called so
        wrongly, `held_out` are the position's own documents.
        """
        classifier, limit = self._classifier
        human, held = self._known["human"], self._known["held_out"]
        scores = classifier.score(self._texts(equal))
        return {
            "share": share_above(scores, limit), "base": share_above(self._known["base"], limit),
            "human": share_above(human, limit), "held_out": share_above(held, limit),
            "auroc": stats.auroc(human, scores),
        }  # fmt: skip

    def _fluency(self, equal: Sequence[Ids], model: LanguageModel) -> dict[str, Any]:
        """Bits per byte: of samples, the position's held-out documents and human texts as the
        judge reads them; of those documents and texts as the sampled model reads them. `repeated`:
        the mean share of a sample's runs of four tokens that it has had before.
        """
        held, human = self._texts(self._held), self._texts(self._human("test"))
        return {
            "samples": bits_per_byte(self._judge, self._texts(equal)), **self._judged,
            "model_held_out": bits_per_byte(model, held),
            "model_human": bits_per_byte(model, human), "repeated": repeated(equal),
        }  # fmt: skip

    def _copying(self, ids: Sequence[Ids], count: int) -> dict[str, Any]:
        """Shares of texts, all cut to one length, that have `copied` tokens in a row from the
        documents trained on; held-out documents, human texts and the base's samples beside.
        `excess` is the samples' share minus that of the held-out documents.
        """
        pool = self._encode(self._base.position.pool[: count or self._base.largest])
        kinds = {
            "samples": self._cut(ids), "held_out": self._held, "human": self._human("test"),
            "base": self._cut(self._outputs["test"]),
        }  # fmt: skip
        runs = longest_runs([i for own in kinds.values() for i in own], pool)
        out: dict[str, Any] = {"compared_with": len(pool)}
        for name, own in kinds.items():
            mine, runs = runs[: len(own)], runs[len(own) :]
            at_least = int((mine >= self._config.copied).sum())
            median, tenth = np.quantile(mine, [0.5, 0.9])
            out[name] = {
                "copied": stats.wilson(at_least, len(mine)),
                "longest": {"median": float(median), "p90": float(tenth), "max": int(mine.max())},
            }  # fmt: skip
        for name, whole in (("samples", ids), ("held_out", self._encode(self._base.position.held))):
            near = near_duplicates(whole, pool)
            out[name]["near_duplicates"] = stats.wilson(int(near.sum()), len(near))
        copied = [out[name]["copied"] for name in ("samples", "held_out")]
        return {**out, "excess": difference(*copied)}

    def _detection(self, ids: Sequence[Ids], equal: Sequence[Ids]) -> list[dict[str, Any]]:
        panel, human, base = self._at_length
        tuned = panel.scores(self._texts(equal))
        found = equal_lengths(panel, human, base, tuned, length=self._config.length)
        free, known = self._at_own
        lengths, tokenizer, seed = [len(i) for i in ids], self._tokenizer, self._config.seed
        outputs, people = self._outputs["test"], self._long("test")
        own = own_lengths(free, Lengths(
            known["base"], known["human"],
            free.scores(matched(outputs, lengths, tokenizer, seed=seed)),
            free.scores(matched(people, lengths, tokenizer, seed=seed)),
            free.scores(self._texts(ids)),
        ))  # fmt: skip
        held = panel.scores(self._texts(self._held))
        return [
            {
                "detector": name, **rates, "own_lengths": own[name],
                "held_out_flagged": share_above(held[name], panel.thresholds[name].at[AT]),
            }
            for name, rates in found.items()
        ]  # fmt: skip

    @cached_property
    def _classifier(self) -> tuple[Tfidf, float]:
        """TF-IDF and logistic regression on documents that are used for nothing else, against
        human training texts; the threshold is the most accurate one on a fifth of the documents.
        """
        own = self._texts(self._equal(self._encode(self._base.position.judge), "judge documents"))
        fifth = max(1, len(own) // 5)
        people, held = self._texts(self._human("train")), self._texts(self._human("valid"))
        classifier = Tfidf()
        classifier.fit(
            [*people, *own[fifth:]], [0] * len(people) + [1] * (len(own) - fifth),
            validation=([*held, *own[:fifth]], [0] * len(held) + [1] * fifth),
        )  # fmt: skip
        return classifier, best_threshold(classifier.score(held), classifier.score(own[:fifth]))

    @cached_property
    def _known(self) -> dict[str, Floats]:
        """The classifier's scores of what does not change."""
        kinds = {"human": self._human("test"), "held_out": self._held,
                 "base": self._cut(self._outputs["test"])}  # fmt: skip
        return {name: self._classifier[0].score(self._texts(i)) for name, i in kinds.items()}

    @cached_property
    def _judged(self) -> dict[str, Estimate]:
        """What the judge finds in texts that do not change."""
        return {
            "held_out": bits_per_byte(self._judge, self._texts(self._held)),
            "human": bits_per_byte(self._judge, self._texts(self._human("test"))),
        }

    @cached_property
    def _at_length(self) -> tuple[Panel, dict[str, Floats], dict[str, Floats]]:
        """Detectors at the one length, and their scores of human texts and the base's outputs."""
        splits = {
            s: Split(self._texts(self._human(s)), self._texts(self._cut(self._outputs[s])))
            for s in self._outputs
        }
        panel, test = self._panel(splits), splits["test"]
        return panel, panel.scores(test.human), panel.scores(test.synthetic)

    @cached_property
    def _at_own(self) -> tuple[Panel, dict[str, dict[str, Floats]]]:
        """Detectors at the lengths of the base's outputs, and their scores at those."""
        splits = {}
        for split, outputs in self._outputs.items():
            lengths = [len(i) for i in outputs]
            people = matched(self._long(split), lengths, self._tokenizer, seed=self._config.seed)
            splits[split] = Split(people, self._texts(outputs))
        panel, test = self._panel(splits), splits["test"]
        return panel, {"human": panel.scores(test.human), "base": panel.scores(test.synthetic)}

    def _panel(self, splits: dict[str, Split]) -> Panel:
        return Panel(
            self._bundled, splits["train"], splits["valid"], store=self._store, key=self._detector
        )

    @cached_property
    def _outputs(self) -> dict[str, list[Ids]]:
        return {s: self._read(self._base.samples, s) for s in SPLITS}

    @cached_property
    def _held(self) -> list[Ids]:
        return self._equal(self._encode(self._base.position.held), "held-out documents")

    def _human(self, split: str) -> list[Ids]:
        """Human texts of the length, as many as there are outputs."""
        return [i[: self._config.length] for i in self._people(split, self._config.length)]

    def _long(self, split: str) -> list[Ids]:
        """Human texts that can be cut to any length of a sample."""
        return self._people(split, self._config.most)

    def _people(self, split: str, length: int) -> list[Ids]:
        found = [s.ids for s in self._corpora.reaching(HUMAN, split, length)]
        most = self._config.samples if split == "test" else getattr(self._config, split)
        return _enough(found[:most], f"human {split} texts", length)

    def _equal(self, ids: Sequence[Ids], what: str) -> list[Ids]:
        return _enough(self._cut(ids), what, self._config.length)

    def _cut(self, ids: Sequence[Ids]) -> list[Ids]:
        """Texts of the length, cut to it."""
        length = self._config.length
        return [i[:length] for i in ids if len(i) >= length]

    def _read(self, folder: Path, split: str) -> list[Ids]:
        opened = open_outputs(folder)
        texts = (d.text for d in opened.documents(opened.sources[0], split))
        ids = (i[: self._config.most] for i in self._encode(list(texts)))
        return [i for i in ids if len(i) >= SHORTEST]

    def _encode(self, texts: Sequence[str]) -> list[Ids]:
        return [tuple(self._tokenizer.encode(normalise(text))) for text in texts]

    def _texts(self, ids: Sequence[Ids]) -> list[str]:
        return [decoded(i, self._tokenizer) for i in ids]

    @property
    def _tokenizer(self) -> Tokenizer:
        return self._corpora.tokenizer


def _enough(found: list[Ids], what: str, length: int) -> list[Ids]:
    if len(found) < LEAST:
        raise ValueError(
            f"{len(found)} {what} have {length} tokens, and {LEAST} are needed; give more, or a "
            "smaller --length and --most"
        )
    return found


def _plain(value: Any) -> Any:
    """Estimates as JSON has them."""
    if isinstance(value, Estimate):
        return asdict(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
