"""What reviews are worth: learnt where the truth is known, nothing where it is not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hallmark.data import Label
from hallmark.evidence.cases import Answer
from hallmark.evidence.people import (
    CAP,
    LEAST_GOLD,
    Gold,
    People,
    agreement,
    gold_of,
    learn_people,
    rates_of,
)
from hallmark.evidence.ratio import NOTHING
from hallmark.evidence.worth import ASSUMED, Rates, value_of_review

H, U, S = Answer


def gold(count: int, *, right: float, seed: int = 0, odds: float = 0.0) -> list[Gold]:
    """Cases of each label with two answers, right with that chance, else wrong or unsure."""
    generator = np.random.default_rng(seed)
    found = []
    for i in range(2 * count):
        label = Label(i % 2)
        true, false = (S, H) if label else (H, S)
        draws = generator.random(2)
        answers = [true if d < right else (U if d < (1 + right) / 2 else false) for d in draws]
        found.append(Gold(label, (answers[0], answers[1]), odds * (1 if label else -1)))
    return found


def test_reviewers_who_are_right_move_the_odds_and_others_do_not() -> None:
    good = learn_people(gold(100, right=0.8))
    assert good.part([S, S]) > math.log(3)
    assert good.part([H, H]) < -math.log(3)
    assert abs(good.part([S, H])) < 0.5
    assert good.part([S, S]) <= CAP
    assert good.n == {2: 200}
    guessing = learn_people(gold(100, right=1 / 3, seed=1))
    assert abs(guessing.part([S, S])) < 0.3


def test_two_answers_are_one_piece_of_evidence() -> None:
    """Reviewers who always agree are worth one of them, not his square."""
    same = [Gold(g.label, (g.answers[0],) * 2, 0.0) for g in gold(200, right=0.6)]
    one = [Gold(g.label, g.answers[:1], 0.0) for g in gold(200, right=0.6)]
    pair, single = learn_people(same).ratio([S, S]), learn_people(one).ratio([S])
    assert pair.log == pytest.approx(single.log)


def test_what_content_says_already_is_taken_back() -> None:
    """Reviewers who only repeat what the detector says add nothing to it."""
    generator, found = np.random.default_rng(2), []
    for i in range(400):
        reading = float(generator.normal(2 * (i % 2) - 1))
        answer = S if reading > 0 else H
        found.append(Gold(Label(i % 2), (answer, answer), 2 * reading))
    repeating = learn_people(found)
    assert repeating.ratio([S, S]).low > 0.5
    assert repeating.weight[2] < 0.2
    assert learn_people(gold(100, right=0.7)).weight[2] > 0.9


def test_too_little_gold_says_nothing() -> None:
    few = learn_people(gold(LEAST_GOLD - 1, right=0.9))
    assert few == People()
    assert few.part([S, S]) == 0.0
    assert few.ratio([S, S]) == NOTHING
    assert rates_of(gold(3, right=1.0), otherwise=ASSUMED) is ASSUMED
    assert learn_people([]) == People()


def test_rates_are_those_of_single_answers() -> None:
    found = rates_of(gold(2000, right=0.7), otherwise=ASSUMED)
    assert found.of[S][1] == pytest.approx(0.7, abs=0.03)
    assert found.of[S][0] == pytest.approx(0.15, abs=0.03)
    assert math.fsum(r[0] for r in found.of.values()) == pytest.approx(1)
    assert math.fsum(r[1] for r in found.of.values()) == pytest.approx(1)
    assert found.n == 4000


def test_reviews_are_a_third_part_of_the_posterior(store, desk, staff, make_draft) -> None:
    (number,) = store.add([make_draft("a", 0.5)])
    people = learn_people(gold(100, right=0.8))
    assert people.posterior(store.case(number)) == pytest.approx(0.5)
    desk.review(staff["rea"], desk.take(staff["rea"]), S, "It repeats itself.")
    assert people.posterior(store.case(number)) == pytest.approx(0.5)  # not before both are in
    desk.review(staff["rob"], desk.take(staff["rob"]), S, "It repeats itself.")
    wanted = 1 / (1 + math.exp(-people.part([S, S])))
    assert people.posterior(store.case(number)) == pytest.approx(wanted)
    assert gold_of(store.cases()) == []


def test_a_bare_prevalence_is_no_posterior(store, desk, staff, make_draft) -> None:
    weighed = make_draft("a", 0.5)
    evidence = replace(weighed.evidence, posterior=math.nan)
    (number,) = store.add([replace(weighed, evidence=evidence)])
    people = learn_people(gold(100, right=0.8))
    assert math.isnan(people.posterior(store.case(number)))
    for name in ("rea", "rob"):
        desk.review(staff[name], desk.take(staff[name]), S, "It repeats itself.")
    odds = math.log(0.01 / 0.99) + people.part([S, S])
    assert people.posterior(store.case(number)) == pytest.approx(1 / (1 + math.exp(-odds)))
    assert math.isnan(People().posterior(store.case(number)))  # what reviews are worth is not known


def test_agreement_is_krippendorffs() -> None:
    pairs = [(S, S)] * 8 + [(H, H)] * 6 + [(S, H)] * 2 + [(U, S)]
    found = agreement(pairs)
    observed = 3 / 17  # pairs that disagree
    counts = {S: 8 * 2 + 2 + 1, H: 12 + 2, U: 1}
    total = sum(counts.values())
    expected = 1 - sum(n * (n - 1) for n in counts.values()) / (total * (total - 1))
    assert found is not None
    assert found.value == pytest.approx(1 - observed / expected)
    assert found.low < found.value < found.high
    assert found.n == 17
    assert agreement([(S, S)] * 9) is None
    assert agreement([]) is None


COST = {"missed": 1.0, "wrong": 5.0}


def test_a_review_is_worth_what_it_can_change() -> None:
    values = [value_of_review(p, reviews=2, **COST) for p in (0.0, 0.01, 0.3, 0.6, 0.95)]
    assert values[:2] == [0.0, 0.0]  # no answers could make acting worth it
    assert values == sorted(values)
    assert values[-1] < 0.95
    certain = Rates({H: (1.0, 0.0), U: (0.0, 0.0), S: (0.0, 1.0)})
    assert value_of_review(0.2, reviews=1, rates=certain, **COST) == pytest.approx(0.2)
    blind = Rates(dict.fromkeys(Answer, (1 / 3, 1 / 3)))
    assert value_of_review(0.5, reviews=2, rates=blind, **COST) == 0
    assert value_of_review(0.9, reviews=2, rates=blind, **COST) == pytest.approx(0.9 - 0.5)


def test_the_value_is_that_of_a_simulation() -> None:
    generator, p, draws = np.random.default_rng(5), 0.5, 40_000
    truth = generator.random(draws) < p
    table = np.array([[r[0] for r in ASSUMED.of.values()], [r[1] for r in ASSUMED.of.values()]])
    cut = table.cumsum(axis=1)
    answers = np.stack(
        [(generator.random(draws)[:, None] > cut[truth.astype(int)]).sum(1) - 1 for _ in range(2)]
    ).sum(0)
    saved = 0.0
    for total in np.unique(answers):
        own = truth[answers == total]
        saved += max(0.0, own.sum() * COST["missed"] - (~own).sum() * COST["wrong"])
    assert value_of_review(p, reviews=2, **COST) == pytest.approx(saved / draws, abs=0.01)
