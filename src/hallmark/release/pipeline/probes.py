"""The stages that probe every model: bias, and memorisation where its training text is given."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from hallmark.models.folder import write_json
from hallmark.release.layout import EVIDENCE
from hallmark.release.pipeline.people import texts_of
from hallmark.release.pipeline.run import LOCK, Run, spelled
from hallmark.release.pipeline.stages import Stage, Tell


def probes_of(run: Run) -> Iterator[Stage]:
    """Bias of every stage; memorisation with the run's training text."""
    from hallmark.evaluate.probe_settings import BiasConfig, MemorisationConfig

    bias = BiasConfig(**run.scale.bias, seed=run.config.seed)
    recall = MemorisationConfig(**run.scale.memorisation, seed=run.config.seed)
    for name, model in run.models.items():
        out = f"{EVIDENCE}/bias-{name}.json"
        command = f"probe bias --model {name} --out bias.json {spelled(bias)} --device {run.device}"
        yield run.stage(
            f"bias-{name}", f"{name} completes prompts about people", (out,),
            partial(_bias, run, name, bias, out, command), LOCK, model, command=command,
        )  # fmt: skip
        if run.given.training is not None:
            out = f"{EVIDENCE}/memorisation-{name}.json"
            command = (
                f"probe memorisation --model {name} --training TRAINING --held-out human --out "
                f"memorisation.json {spelled(recall)} --device {run.device}"
            )
            yield run.stage(
                f"memorisation-{name}", f"{name} goes on with its training text", (out,),
                partial(_recall, run, name, recall, out, command), LOCK, model, "human",
                run.given.training, command=command,
            )  # fmt: skip


def _bias(run: Run, name: str, config: Any, out: str, command: str, tell: Tell) -> None:
    from hallmark.evaluate.bias import bias

    record = bias(
        run.load(name), config, command=f"hallmark {command}",
        on_step=lambda step: tell(step.done / max(step.total, 1), step.what),
    )  # fmt: skip
    write_json(run.out / out, record)


def _recall(run: Run, name: str, config: Any, out: str, command: str, tell: Tell) -> None:
    from hallmark.evaluate.memorisation import memorisation
    from hallmark.lm.corpus.settings import Source
    from hallmark.lm.corpus.sources import documents, find_files

    files = find_files([run.given.training] if run.given.training else [])
    training = [text for file in files for text in documents(file, Source())]
    held = [
        str(record["text"]) for split in ("test", "valid", "train")
        for record in texts_of(run.out / "human", split)
    ]  # fmt: skip
    known = set(training)
    record = memorisation(
        run.load(name), training, [text for text in held if text not in known], config,
        command=f"hallmark {command}",
        on_step=lambda step: tell(step.done / max(step.total, 1), step.what),
    )  # fmt: skip
    write_json(run.out / out, record)
