"""The study of a run: its file and texts, and ratings that are imported or plainly simulated.

Simulated raters answer by the study file's own expectation. They exercise every step that people's
answers would take; nothing that they say is about people.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hallmark.data import write_atomically
from hallmark.models.folder import read_json, write_json, write_text
from hallmark.outputs.names import SPLITS
from hallmark.outputs.outputset import open_outputs
from hallmark.outputs.records import line_of, read_records
from hallmark.release.pipeline.people import texts_of
from hallmark.release.pipeline.settings import Scale
from hallmark.study import analysis, report
from hallmark.study.definition import DETECTION, HUMAN, RATING, Design, Study, load_study
from hallmark.study.exclusions import raters_of
from hallmark.study.plan import ATTENTION, Plan, make_plan, write_plan
from hallmark.study.ratings import Answer, read_answers, to_csv
from hallmark.study.template import study_file
from hallmark.study.texts import Stimulus

PEOPLE = "human-text"  # a condition, not raters
STUDY, PLAN, RATINGS = "study/study.toml", "study/plan.json", "study/ratings.csv"
RESULT = "result.json"


def write_study(folder: Path, corpora: Mapping[str, str], scale: Scale, *, seed: int) -> None:
    """The study file, its texts and its plan, in FOLDER/study. corpora: one for each stage.

    Readers need no splits: where texts are few, those of all splits are taken.
    """
    (folder / "study").mkdir(exist_ok=True)
    splits = ("test",) if scale.test >= 5 * scale.texts_per_condition else SPLITS
    opened = open_outputs(folder / "outputs")
    for name, source in {**corpora, PEOPLE: ""}.items():
        with write_atomically(folder / "study" / f"{name}.jsonl") as file:
            for split in splits:
                path = opened.part(source, split).path if source else None
                records = read_records(path) if path else texts_of(folder / "human", split)
                file.writelines(map(line_of, records))
    design = Design(
        texts_per_condition=scale.texts_per_condition, ratings_per_text=scale.raters_per_text,
        texts_per_rater=min(12, scale.texts_per_condition * 2), min_words=scale.words[0],
        max_words=scale.words[1], seed=seed,
    )  # fmt: skip
    files = {name: f"{name}.jsonl" for name in (*corpora, PEOPLE)}
    write_text(folder / STUDY, study_file(files, human=[PEOPLE], design=design))
    write_plan(make_plan(load_study(folder / STUDY), folder / "study"), folder / PLAN)


def simulate(study: Study, plan: Plan, *, seed: int) -> Iterator[Answer]:
    """Every place of the plan answered by a bot: the expected mean, and normal effects of rater,
    text and answer, rounded to the scale. Who wrote a text it guesses.
    """
    if study.expected is None:
        raise ValueError("the study file has no [expected.means]; bots answer by them")
    draw = random.Random(f"bots/{seed}")
    expected, texts = study.expected, {text.id: text for text in plan.texts}
    ease = {name: draw.gauss(0, expected.sd_item) for name in texts}
    for number, place in enumerate(plan.places, start=1):
        mood = draw.gauss(0, expected.sd_rater)
        seen = [texts[name] for name in place if not name.startswith(ATTENTION)]
        for position, text in enumerate(seen, start=1):
            liking = expected.means[text.condition] + mood + ease[text.id]
            for question, value, truth in _answers(study, text, liking, draw):
                yield Answer(
                    f"bot-{number:04d}", text.id, text.condition, question, value, position,
                    seconds=float(text.words), words=text.words, label=text.label, truth=truth,
                    simulated=True,
                )  # fmt: skip


def _answers(
    study: Study, text: Stimulus, liking: float, draw: random.Random
) -> Iterator[tuple[str, float, float | None]]:
    """(question, value, truth) of one text."""
    residual = study.expected.sd_residual if study.expected else 1.0
    own = liking + draw.gauss(0, residual)
    for scale in study.scales:
        if scale.kind == RATING:
            for question in scale.questions:
                value = round(own + draw.gauss(0, residual / 2))
                yield question, float(min(max(value, scale.low), scale.high)), None
        elif scale.kind == DETECTION:
            yield scale.name, float(draw.random() < 0.5), float(text.label != HUMAN)


def analyse(folder: Path, out: Path, *, seed: int, origin: Mapping[str, Any]) -> None:
    """The report of FOLDER's ratings in `out`, its result marked with where it comes from."""
    study = load_study(folder / STUDY)
    answers = read_answers((folder / RATINGS).read_bytes(), name=RATINGS)
    raters = raters_of(answers)
    result = analysis.analyse(answers, raters, study=study, seed=seed)
    report.write_report(result, answers, raters, out)
    stamp(out / RESULT, origin)


def stamp(path: Path, origin: Mapping[str, Any]) -> None:
    """Put command and seed at the head of a result file, where a record finds them."""
    write_json(path, {**origin, **read_json(path)})


def write_ratings(folder: Path, imported: Path | None, *, seed: int) -> None:
    """FOLDER's ratings: the given ones as they are, or a bot's for every place of the plan.

    ValueError where imported ratings name no stage of this run.
    """
    study = load_study(folder / STUDY)
    plan = make_plan(study, folder / "study")
    if imported is None:
        data = to_csv(list(simulate(study, plan, seed=seed)), Answer)
    else:
        data = imported.read_bytes()
        found = {a.condition for a in read_answers(data, name=str(imported))}
        known = {c.name for c in study.conditions}
        if not found & known:
            raise ValueError(
                f"{imported} rates {', '.join(sorted(found))[:200]}, and this run has "
                f"{', '.join(sorted(known))}; name the conditions so"
            )
    with write_atomically(folder / RATINGS) as file:
        file.write(data)
