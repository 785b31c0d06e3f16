"""What a build writes: corpora, their shards, and each document's id, seed, p and prompt.

All of it is a function of the settings, so any worker can take any shard. Loads no network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hallmark.lm.sampling import document_seed
from hallmark.outputs.names import source_of
from hallmark.outputs.settings import BuildConfig, Setting


@dataclass(frozen=True)
class Corpus:
    """One corpus to write: a model under a setting."""

    source: str
    model: str
    setting: Setting


@dataclass(frozen=True)
class Shard:
    """Documents `first` to `first + count` of one split of a corpus: one unit of work."""

    corpus: Corpus
    split: str
    number: int
    first: int
    count: int

    @property
    def name(self) -> str:
        """Of its file, without a suffix."""
        return f"{self.corpus.source}.{self.split}.{self.number:05d}"


@dataclass(frozen=True)
class Task:
    """One document to write."""

    id: int
    seed: int
    top_p: float
    prompt: str


@dataclass(frozen=True)
class Plan:
    """All that a build writes. `prompts` is empty where texts start from nothing."""

    config: BuildConfig
    corpora: tuple[Corpus, ...]
    prompts: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """Documents in all."""
        return self.config.total * len(self.corpora)

    def shards(self, corpus: Corpus, split: str) -> list[Shard]:
        """The shards of one split of a corpus, in order."""
        count, size = self.config.counts[split], self.config.shard
        return [
            Shard(corpus, split, number, first, min(size, count - first))
            for number, first in enumerate(range(0, count, size))
        ]

    def all_shards(self) -> Iterator[Shard]:
        """Every shard, corpus after corpus."""
        for corpus in self.corpora:
            for split in self.config.counts:
                yield from self.shards(corpus, split)

    def tasks(self, shard: Shard) -> list[Task]:
        """The documents of a shard, in order."""
        return [
            self.task(shard.corpus, shard.split, index)
            for index in range(shard.first, shard.first + shard.count)
        ]

    def task(self, corpus: Corpus, split: str, index: int) -> Task:
        """Document `index` of a split. Ids run on from train to valid to test."""
        counts = self.config.counts
        before = sum(counts[s] for s in list(counts)[: list(counts).index(split)])
        seed = document_seed(self.config.seed, corpus.source, split, index)
        return Task(before + index, seed, corpus.setting.top_p(seed), self._prompt(split, index))

    def _prompt(self, split: str, index: int) -> str:
        """Each split has prompts of its own, in proportion to its size, used in turn."""
        if not self.prompts:
            return ""
        low, high = prompt_ranges(len(self.prompts), self.config)[split]
        return self.prompts[low + index % (high - low)]


def make_plan(config: BuildConfig, models: Sequence[str], prompts: Sequence[str] = ()) -> Plan:
    """The plan of a build; ValueError where two models are one, or prompts are too few."""
    prompts = tuple(dict.fromkeys(prompts))
    corpora = [
        Corpus(source_of(model, setting.tag, prompted=bool(prompts)), model, setting)
        for model in models
        for setting in config.settings()
    ]
    sources = [corpus.source for corpus in corpora]
    twice = next((s for s in sources if sources.count(s) > 1), None)
    if twice:
        raise ValueError(f"two models would make {twice}; build them into two folders")
    if prompts:
        prompt_ranges(len(prompts), config)
    return Plan(config, tuple(corpora), prompts)


def prompt_ranges(count: int, config: BuildConfig) -> dict[str, tuple[int, int]]:
    """Which of `count` prompts each split may use, (first, end); no prompt is in two splits."""
    splits = {split: n for split, n in config.counts.items() if n}
    if count < len(splits):
        raise ValueError(
            f"{count} different prompts are too few for {len(splits)} splits, which share none; "
            "give more prompts, or set a split to 0"
        )
    ranges, start, spare = {}, 0, count - len(splits)
    for i, (split, n) in enumerate(splits.items()):
        last = i == len(splits) - 1
        end = count if last else start + 1 + spare * n // config.total
        ranges[split] = (start, end)
        start = end
    return ranges
