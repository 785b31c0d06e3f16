"""What the researcher sees of a served study: progress, raters, answers. Changes nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from sqlalchemy import Connection, Row, func, select

from hallmark.study import store_tables as tables
from hallmark.study.asking import is_attention
from hallmark.study.definition import BOUNDARY, DETECTION, MACHINE
from hallmark.study.exclusions import COMPLETED
from hallmark.study.quality import Seen, flags
from hallmark.study.ratings import Answer, Rater
from hallmark.study.store_study import StudyRow
from hallmark.study.texts import Stimulus


@dataclass(frozen=True)
class RaterRow:
    """One rater as the researcher sees it: `pages` answered `of` so many, seconds a page."""

    name: str
    status: str
    step: str
    simulated: bool
    pages: int
    of: int
    seconds: float | None
    flags: tuple[str, ...]
    attentive: bool
    code: str
    seen_at: float


@dataclass(frozen=True)
class Overview:
    """A study at one moment. `places` there are, `held` of them; `ratings` by text and usable:
    those of raters that are active or completed and passed their attention checks.
    """

    state: str
    places: int
    held: int
    raters: tuple[RaterRow, ...]
    seconds: float | None
    ratings: Mapping[str, int]

    def count(self, status: str) -> int:
        """How many raters have this status."""
        return sum(r.status == status for r in self.raters)

    @property
    def inattentive(self) -> int:
        """How many completed and failed an attention check: not analysed, their places free."""
        return sum(r.status == COMPLETED and not r.attentive for r in self.raters)


def overview(store: StudyRow, *, simulated: bool = False) -> Overview:
    """Of the people, or of the bots."""
    with store.database.reading() as connection:
        state = str(store.row(connection).state)
        raters = _raters(store, connection, simulated=simulated)
        seen = _seen(store, connection, raters)
        place = tables.place.c
        holders = connection.scalars(
            select(place.rater_id).where(
                place.study_id == store.id, place.simulated == simulated,
                place.rater_id.is_not(None),
            )
        ).all()  # fmt: skip
    rows = tuple(_row(store, r, [s for _, s in seen[r.id]]) for r in raters)
    ratings = Counter({t.id: 0 for t in store.plan.texts})
    for number in holders:
        ratings.update(text for text, _ in seen[number])
    times = [s.seconds for pages in seen.values() for _, s in pages]
    return Overview(
        state, len(store.plan.places), len(holders), rows, median(times) if times else None, ratings
    )


def headcount(store: StudyRow, *, simulated: bool) -> int:
    """How many people began, or how many bots."""
    rater = tables.rater.c
    own = select(func.count()).where(rater.study_id == store.id, rater.simulated == simulated)
    with store.database.reading() as connection:
        return int(connection.execute(own).scalar_one())


def answers_of(store: StudyRow) -> list[Answer]:
    """Every answer to a text, as `hallmark study analyse` reads it, bots' marked simulated."""
    texts = {t.id: t for t in store.plan.texts}
    kinds = {s.name: s.kind for s in store.study.scales}
    with store.database.reading() as connection:
        rater, page, answer = tables.rater, tables.page, tables.answer
        rows = connection.execute(
            select(
                rater.c.name, rater.c.simulated, page.c.position, page.c.text, page.c.shown_at,
                page.c.answered_at, answer.c.question, answer.c.value,
            )
            .join(page, page.c.rater_id == rater.c.id)
            .join(
                answer,
                (answer.c.rater_id == page.c.rater_id) & (answer.c.position == page.c.position),
            )
            .where(rater.c.study_id == store.id)
            .order_by(rater.c.name, page.c.position, answer.c.question)
        ).all()  # fmt: skip
    return [_answer(row, texts[row.text], kinds) for row in rows if not is_attention(row.text)]


def raters_of(store: StudyRow) -> list[Rater]:
    """Every rater under the name made up for it; nothing says who it is."""
    with store.database.reading() as connection:
        rater = tables.rater.c
        rows = connection.execute(
            select(rater.name, rater.status, rater.attention_failed, rater.simulated)
            .where(rater.study_id == store.id)
            .order_by(rater.name)
        ).all()
    return [Rater(r.name, r.status, r.attention_failed, r.simulated) for r in rows]


def answers_under(store: StudyRow, link: str) -> dict[int, dict[str, int]]:
    """What was answered under one link, by page and question, attention checks included."""
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    with store.database.reading() as connection:
        rater, answer = tables.rater.c, tables.answer.c
        for row in connection.execute(
            select(answer.position, answer.question, answer.value)
            .join(tables.rater, rater.id == answer.rater_id)
            .where(rater.link == store.digest("link", link))
        ):
            found[row.position][row.question] = row.value
    return dict(found)


def _answer(row: Any, text: Stimulus, kinds: Mapping[str, str]) -> Answer:
    kind = kinds[row.question.partition(".")[0]]
    truth: float | None = None
    if kind == DETECTION:
        truth = float(text.label == MACHINE)
    elif kind == BOUNDARY and text.boundary:
        truth = float(text.boundary)
    return Answer(
        row.name, row.text, text.condition, row.question, row.value, row.position,
        round(row.answered_at - row.shown_at, 1), text.words, text.label, truth, row.simulated,
    )  # fmt: skip


def _raters(store: StudyRow, connection: Connection, *, simulated: bool) -> list[Row[Any]]:
    rater = tables.rater
    own = (rater.c.study_id == store.id) & (rater.c.simulated == simulated)
    return list(connection.execute(select(rater).where(own).order_by(rater.c.seen_at.desc())))


def _seen(
    store: StudyRow, connection: Connection, raters: list[Row[Any]]
) -> dict[int, list[tuple[str, Seen]]]:
    """(text, page) of every text that each of the raters answered, in order."""
    words = {t.id: t.words for t in store.plan.texts}
    wanted = {r.id for r in raters}
    values: defaultdict[tuple[int, int], dict[str, int]] = defaultdict(dict)
    answer, page, rater = tables.answer, tables.page, tables.rater
    of_study = rater.c.study_id == store.id
    for row in connection.execute(
        select(answer).join(rater, rater.c.id == answer.c.rater_id).where(of_study)
    ):
        values[row.rater_id, row.position][row.question] = row.value
    found: defaultdict[int, list[tuple[str, Seen]]] = defaultdict(list)
    answered = of_study & page.c.answered_at.is_not(None)
    for row in connection.execute(
        select(page).join(rater, rater.c.id == page.c.rater_id).where(answered)
        .order_by(page.c.position)
    ):  # fmt: skip
        if row.rater_id in wanted and row.text in words:
            pages = values[row.rater_id, row.position]
            seen = Seen(row.answered_at - row.shown_at, words[row.text], pages)
            found[row.rater_id].append((row.text, seen))
    return found


def _row(store: StudyRow, rater: Row[Any], pages: list[Seen]) -> RaterRow:
    return RaterRow(
        rater.name, rater.status, rater.step, rater.simulated, rater.position - 1,
        len(store.plan.places[rater.place]), median(p.seconds for p in pages) if pages else None,
        tuple(flags(pages, attention_failed=rater.attention_failed)),
        not rater.attention_failed, store.code(rater.link),
        rater.seen_at,
    )  # fmt: skip
