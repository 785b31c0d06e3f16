"""`hallmark demo`: a bundled model writes, and the bundled detector judges three texts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from hallmark.cli import detect, generate
from hallmark.cli.options import DEFAULT_MODEL, AsJson, Detector, Model, Quiet, load_model
from hallmark.cli.output import note, print_json
from hallmark.cli.verdicts import as_record, sentences
from hallmark.detect.verdict import BUNDLED_DETECTOR, PRIOR
from hallmark.lm.sampling import SamplingParams
from hallmark.models.precision import AUTO
from hallmark.models.sizes import BUNDLED

Say = Callable[[str], None]

HUMAN = BUNDLED / "texts" / "human.txt"
SHORT = "Maybe tomorrow."
PROMPT = "The history of the city begins"
TOKENS = 400
TOP_K = 40
MEANING = """\
What the numbers mean
  A verdict says how a text looks, not who wrote it: people write predictable text and models
  write surprising text. The probability holds for the stated share of synthetic texts among
  those you judge. The error rate is how often texts of the other kind and of that length score
  so, at worst (95 %); n is how many texts that comes from.
  Where the detector cannot tell, it says so. Whatever it says is evidence, and no ground for an
  accusation on its own."""

Seed = Annotated[int, typer.Option(help="Another seed gives another text.")]


def demo(
    model: Model = DEFAULT_MODEL,
    detector: Detector = BUNDLED_DETECTOR,
    seed: Seed = SamplingParams.seed,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Watch a model write, and three texts being judged."""
    began = time.perf_counter()
    say: Say = silent if json else print
    written = write(model, seed=seed, say=say)
    verdicts = judge(written, detector=detector, say=say)
    if json:
        print_json({"model": model, "seed": seed, "text": written, "verdicts": verdicts})
    say(f"\n{MEANING}")
    note(f"hallmark: the demo took {time.perf_counter() - began:.1f} s", quiet=quiet or json)


def silent(text: str) -> None:
    """Say nothing."""


def write(name: str, *, seed: int, say: Say) -> str:
    """The model's text, shown while it grows."""
    model = load_model(name, precision=AUTO)
    params = SamplingParams(max_tokens=TOKENS, top_k=TOP_K, seed=seed)
    size = f"{model.network.config.parameters:,} parameters"
    say(f"{model.name} ({size}) goes on from {PROMPT!r}, top-k {TOP_K}, seed {seed}:\n")
    began = time.perf_counter()
    if say is silent:
        return model.generate([PROMPT], params, seeds=[seed])[0].text
    generation = generate.stream(generate.Request(1, PROMPT, seed), model, params)
    seconds = time.perf_counter() - began
    count = len(generation.tokens)
    say(f"\n[{count} tokens in {seconds:.1f} s, {count / seconds:.0f} a second]")
    return generation.text


def judge(written: str, *, detector: str, say: Say) -> list[dict[str, Any]]:
    """The bundled detector's verdicts on three texts; the prompt is never judged."""
    texts = {
        "The text above, which a model wrote": written,
        "A text that a human wrote (an editorial of 1897)": HUMAN.read_text(encoding="utf-8"),
        f"A text too short to judge: {SHORT!r}": SHORT,
    }
    say("\nThe detector reads three texts.")
    began = time.perf_counter()
    verdicts = detect.load(detector).judge(list(texts.values()), prior=PRIOR)
    for name, verdict in zip(texts, verdicts, strict=True):
        lines = "\n".join(f"   {line}" for line in sentences(verdict))
        say(f"\n{name}:\n{lines}")
    say(f"\n[judged in {time.perf_counter() - began:.1f} s]")
    return [
        {"name": name, **as_record(verdict)} for name, verdict in zip(texts, verdicts, strict=True)
    ]
