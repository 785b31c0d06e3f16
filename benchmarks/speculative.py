"""Speculative decoding: the speed-up over plain decoding, with its acceptance rate.

The bundled ladder writes real text (its largest rung, drafted by each rung that can and by the
text's own n-grams). For the cost at GPT-2's sizes, 1.5B drafted by 124M with random weights, the
draft is told which guesses are right so that a stated share is:

    python benchmarks/speculative.py --runs 3
    python benchmarks/speculative.py --shapes 1.5B 124M --acceptance 0.6 0.8 --runs 1

Texts are compared: a draft must change none.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from peers import hallmark_network

from hallmark.lm.engine.decoder import Decoder
from hallmark.lm.model import LanguageModel
from hallmark.lm.sampling import SamplingParams
from hallmark.lm.speculation import Ask, Pace, SmallerModel
from hallmark.models.sizes import SIZES, find_model

PROMPTS = ("", "The history of the city", "def main():", "She looked at the river and")


def ladder(args: argparse.Namespace) -> None:
    """The largest bundled rung in int8, drafted by what can."""
    names = [size.name for size in SIZES if size.bundled]
    models = [
        LanguageModel.load(find_model(n, home=Path("none")), name=n, precision="int8")
        for n in names
    ]
    *small, target = models
    drafts = [m for m in small if m.network.config.n_embd % 32 == 0]
    for params in (SamplingParams(temperature=0), SamplingParams(top_k=40), SamplingParams()):
        plain: list[float] = []
        for draft in (None, "ngram", *drafts):
            rates, pace = [], Pace()
            for _ in range(args.runs):
                began, pace = time.perf_counter(), Pace()
                texts = [
                    target.generate([p], params, seeds=[5], draft=draft, pace=pace)[0]
                    for p in PROMPTS
                ]
                count = sum(len(t.tokens) for t in texts)
                rates.append(count / (time.perf_counter() - began))
            if draft is None:
                plain, expected = rates, texts
            assert [t.tokens for t in texts] == [t.tokens for t in expected]
            right = pace.accepted / max(1, pace.proposed)
            name = getattr(draft, "name", draft or "none")
            ratio = statistics.median(rates) / statistics.median(plain)
            print(
                f"| {target.name} {params.tag or 'pure'} | {name} | {statistics.median(rates):.0f} "
                f"| {ratio:.2f} | {right:.0%} of {pace.proposed} |",
                flush=True,
            )


class Told(SmallerModel):
    """A smaller network at its own cost, whose guesses are replaced by ones right so often."""

    def tell(self, tokens: Sequence[int], share: float, first: int) -> None:
        self.coming, self.share, self.first = tokens, share, first
        self.rng = random.Random(0)

    def guess(self, asks: Sequence[Ask]) -> list[list[int]]:
        (made,), (ask,) = super().guess(asks), asks
        told = [*self.coming, 0][ask.step : ask.step + len(made)]
        return [[t if self.rng.random() < self.share else (t + 1) % 50_000 for t in told]]


def shapes(args: argparse.Namespace) -> None:
    """Random weights of two sizes: what a given acceptance is worth."""
    from batch import BareRow

    from hallmark.lm.continuous import Schedule

    large, small = (hallmark_network(shape, "int8") for shape in args.shapes)
    params = SamplingParams(temperature=0)

    def write(draft: Told | None, pace: Pace) -> tuple[list[int], float]:
        rows = iter([BareRow(list(range(100, 132)), 0, set(), args.tokens)])
        with Decoder(large, params, slots=1, capacity=1024) as decoder:
            began = time.perf_counter()
            ((_, row),) = list(Schedule(decoder, rows, draft=draft, pace=pace).run())
            return row.tokens, time.perf_counter() - began

    write(None, Pace())
    expected, plain = write(None, Pace())
    print(f"| {args.shapes[0]} | none | {args.tokens / plain:.1f} | 1.00 | |", flush=True)
    for share in args.acceptance:
        draft, pace = Told(small, params, slots=1, name=args.shapes[1]), Pace()
        draft.tell(expected, share, 0)
        tokens, seconds = write(draft, pace)
        draft.close()
        assert tokens == expected
        name = f"{args.shapes[1]}, {share:.0%} right"
        print(
            f"| {args.shapes[0]} | {name} | {args.tokens / seconds:.1f} "
            f"| {plain / seconds:.2f} | {pace.accepted / max(1, pace.proposed):.0%} of "
            f"{pace.proposed} kept, {pace.passes} passes |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--shapes", nargs=2, metavar=("LARGE", "SMALL"))
    parser.add_argument("--acceptance", nargs="+", type=float, default=[0.6, 0.7, 0.8, 0.9])
    parser.add_argument("--tokens", type=int, default=128)
    args = parser.parse_args()
    print("| writes | draft | tokens/s | speed-up | guesses right |")
    print("|---|---|---|---|---|")
    if args.shapes:
        shapes(args)
    else:
        ladder(args)


if __name__ == "__main__":
    main()
