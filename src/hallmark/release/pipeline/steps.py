"""The stages of a release in their order, each with what it reads and the command that does it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hallmark.models.folder import write_json
from hallmark.models.sizes import BUNDLED
from hallmark.release.card import About
from hallmark.release.folder import Parts, release
from hallmark.release.gates import read_plan
from hallmark.release.keys import load_key
from hallmark.release.layout import EVIDENCE, PLAN, RELEASES
from hallmark.release.lock import write_lock
from hallmark.release.pipeline import measures, rehearsal
from hallmark.release.pipeline.criteria import write_plan_file
from hallmark.release.pipeline.people import write_people
from hallmark.release.pipeline.probes import probes_of
from hallmark.release.pipeline.run import LOCK, Run, spelled
from hallmark.release.pipeline.stages import Stage, Tell

REPORT = "report"
DETECTOR = BUNDLED / "detector"  # its numbers are in what is measured


def steps_of(run: Run) -> list[Stage]:
    """From the signed plan to the signed folders."""
    return [
        *_before(run), *_study(run), *_detection(run), _misuse(run), *probes_of(run),
        *_releases(run),
    ]  # fmt: skip


def _before(run: Run) -> Iterator[Stage]:
    """Gates, signed; then texts of people and of every stage, which measure nothing yet."""
    largest = run.models[run.names[-1]]

    def sign(_: Tell) -> None:
        write_plan_file(run.out / PLAN, run.names, run.scale, given=run.given.plan)
        plan = read_plan(run.out / PLAN)
        write_lock(run.out / LOCK, plan, load_key(run.key), signed=run.time())

    def people(_: Tell) -> None:
        made = write_people(
            run.given.human, run.out / "human", tokens=run.scale.longest + 8, tokenizer=largest
        )
        write_json(run.evidence("human.json"), {**run.origin("reproduce"), **made})

    own = [path for path in (run.given.plan,) if path is not None]
    yield run.stage("plan", "gates are written and signed", (PLAN, LOCK), sign, *own)
    own = [path for path in (run.given.human,) if path is not None]
    yield run.stage("human", "people's texts", ("human", f"{EVIDENCE}/human.json"), people, *own)
    yield _outputs(run)


def _outputs(run: Run) -> Stage:
    config = measures.build_config(run.scale, seed=run.config.seed)
    command = (
        f"outputs build --out outputs {' '.join(f'--model {name}' for name in run.names)} "
        f"{spelled(config)} --precision {run.precision} --device {run.device}"
    )

    def build(tell: Tell) -> None:
        measures.build_outputs(
            run.out, run.models, run.scale, seed=run.config.seed, precision=run.precision,
            device=run.device, tell=tell,
        )  # fmt: skip
        measures.describe_outputs(run.out, run.evidence("outputs.json"), run.origin(command))

    return run.stage(
        "outputs", "texts of every stage", ("outputs", f"{EVIDENCE}/outputs.json"), build,
        *run.models.values(), resumes=True, command=command,
    )  # fmt: skip


def _study(run: Run) -> Iterator[Stage]:
    seed = run.config.seed
    corpora = {name: measures.studied(run.scale, name) for name in run.names}
    power = f"study power study/study.toml --studies 200 --seed {seed} --json"
    analyse = (
        f"study analyse study/ratings.csv --study study/study.toml --out study/report --seed {seed}"
    )

    def design(_: Tell) -> None:
        rehearsal.write_study(run.out, corpora, run.scale, seed=seed)
        measures.study_power(
            run.out / rehearsal.STUDY, run.evidence("study-power.json"), run.origin(power),
            studies=200, seed=seed,
        )  # fmt: skip

    def rate(_: Tell) -> None:
        rehearsal.write_ratings(run.out, run.given.ratings, seed=seed)

    def analysed(_: Tell) -> None:
        rehearsal.analyse(run.out, run.evidence("study"), seed=seed, origin=run.origin(analyse))

    own = [path for path in (run.given.ratings,) if path is not None]
    made = (
        rehearsal.STUDY,
        rehearsal.PLAN,
        *(f"study/{name}.jsonl" for name in (*corpora, rehearsal.PEOPLE)),
        f"{EVIDENCE}/study-power.json",
    )
    yield run.stage("study-design", "the study's file and plan", made, design, LOCK, "human",
                    "outputs", command=power)  # fmt: skip
    yield run.stage("study-ratings", "ratings", (rehearsal.RATINGS,), rate, LOCK,
                    rehearsal.STUDY, rehearsal.PLAN, *own)  # fmt: skip
    yield run.stage("study", "the study's analysis", (f"{EVIDENCE}/study",), analysed, LOCK,
                    rehearsal.STUDY, rehearsal.RATINGS, command=analyse)  # fmt: skip


def _detection(run: Run) -> Iterator[Stage]:
    from hallmark.evaluate.settings import MatrixConfig

    scale = run.scale
    settings = MatrixConfig(
        detectors=scale.detectors, lengths=",".join(map(str, scale.lengths)),
        tokenizer=run.names[-1], scorer=scale.scorer, seed=run.config.seed,
    )  # fmt: skip
    command = f"matrix outputs --human human --out matrix {spelled(settings)}"
    table, floors = f"{EVIDENCE}/matrix.json", f"{EVIDENCE}/detection.json"

    def measure(tell: Tell) -> None:
        measures.cross_table(
            run.out, settings, run.out / table, home=run.home, origin=run.origin(command),
            tell=tell,
        )  # fmt: skip
        measures.floors(run.out / table, run.out / floors, run.origin(command))

    yield run.stage("detection", "detectors are trained and tested", (table, floors), measure,
                    LOCK, "human", "outputs", DETECTOR, resumes=True,
                    command=command)  # fmt: skip
    yield _attacks(run)


def _attacks(run: Run) -> Stage:
    command = f"attack attacks.jsonl --seed {run.config.seed} --json"
    out = f"{EVIDENCE}/attacks.json"

    def attack(tell: Tell) -> None:
        source = measures.studied(run.scale, run.names[-1])
        measures.attacked_texts(run.out, source, run.scale)
        measures.attack(
            run.out, run.out / out, run.origin(command), home=run.home, seed=run.config.seed,
            tell=tell,
        )  # fmt: skip

    return run.stage("attacks", "disguised texts are judged", ("attacks.jsonl", out), attack,
                     LOCK, "human", "outputs", DETECTOR, command=command)  # fmt: skip


def _misuse(run: Run) -> Stage:
    """Of the largest stage: each size of model would cost as much again."""
    from hallmark.evaluate.misuse_settings import MisuseConfig

    settings = MisuseConfig(**run.scale.misuse, seed=run.config.seed)
    name, given = run.names[-1], Path(run.config.position)
    own = [given] if given.exists() else []
    position = f"position{''.join(given.suffixes)}" if own else run.config.position
    command = (
        f"misuse {position} --human human --out misuse --model {name} {spelled(settings)} "
        f"--device {run.device}"
    )
    out = f"{EVIDENCE}/misuse-{name}.json"

    def analyse(tell: Tell) -> None:
        texts, model = copied(run, own, position), (name, run.models[name])
        measures.misuse(
            run.out, settings, run.out / out, position=texts, model=model, home=run.home,
            device=run.device, origin=run.origin(command), tell=tell,
        )  # fmt: skip

    return run.stage("misuse", f"{name} is fine-tuned to a position", (out,), analyse, LOCK,
                     "human", run.models[name], *own, DETECTOR, resumes=True,
                     command=command)  # fmt: skip


def copied(run: Run, given: list[Path], name: str) -> str:
    """Where a position's texts are: in the run's folder, so that commands name no other."""
    for path in given:
        shutil.copyfile(path, run.out / name)
        return str(run.out / name)
    return name


def _releases(run: Run) -> Iterator[Stage]:
    """Each stage decided, with its folder; the last one's report lies beside them too."""
    for name, model in run.models.items():
        yield run.stage(
            f"release-{name}", f"the decision on {name}", (f"{RELEASES}/{name}",),
            partial(_decide, run, name, model), PLAN, LOCK, EVIDENCE, "outputs/manifest.json",
            model,
        )  # fmt: skip

    def report(_: Tell) -> None:
        from hallmark.release.report.write import write_report

        write_report(run.out / RELEASES / run.names[-1], run.out / REPORT)

    last = f"{RELEASES}/{run.names[-1]}"
    yield run.stage("report", "the report", (REPORT,), report, last)


def _decide(run: Run, name: str, model: Path, _: Tell) -> None:
    out = run.out / RELEASES / name
    out.parent.mkdir(exist_ok=True)
    about = About(name, "mit" if run.bundled else None)
    parts = Parts(run.out / PLAN, run.out / EVIDENCE, model, run.out / "outputs", report=True)
    release(out, parts, stage=name, about=about, key=load_key(run.key), decided=run.time())
