"""RaterBots play the pages; forty at once, and a server that is killed, cost no answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hallmark.study.asking import is_attention
from hallmark.study.bots import Played, RaterBot, play, tally
from hallmark.study.opinions import Habits, Opinions
from hallmark.study.store import Store
from hallmark.study.store_reading import answers_of, answers_under, overview, raters_of

CAREFUL = Habits(misreads=0, skims=0, leaves=0)
MIXED = Habits(misreads=0.3, skims=0.2, leaves=0.2)


def check_kept(store: Store, played: Sequence[Played]) -> None:
    """All that bots were told is stored is there, as they said it; the rest is what was on its
    way when they were cut off."""
    for bot in played:
        found = answers_under(store, bot.link.rpartition("/")[2])
        for page, values in bot.answers.items():
            assert found[page] == values


def test_forty_bots_at_once(database_address: str, small_study: Any, serving: Any) -> None:
    """Nothing lost or doubled, places balanced; then some that err, skim and leave."""
    study, plan = small_study
    plan = replace(plan, places=plan.places * 10)
    store = Store.open(database_address, study, plan)
    with serving(store) as url:
        played = play(url, study, plan, raters=40, at_once=40, habits=CAREFUL)
        found = overview(store, simulated=True)
        more = play(url, study, plan, raters=12, at_once=12, seed=1, habits=MIXED)
    assert tally(played) == tally([]) | {"completed": 40, "pages": 160}
    check_kept(store, [*played, *more])
    assert found.count("completed") == 40
    dealt = Counter(t for place in plan.places[:40] for t in place if not is_attention(t))
    assert found.ratings == dealt
    assert max(dealt.values()) - min(dealt.values()) <= 1
    counts, raters = tally(more), raters_of(store)
    assert counts["completed"] + counts["left midway"] == 12
    assert counts["left midway"] == overview(store, simulated=True).count("active") > 0
    failed = [r for r in raters if r.attention_failed and r.status == "completed"]
    assert failed
    assert overview(store, simulated=True).held == 52 - len(failed)
    assert all(r.simulated for r in raters)
    assert all(a.simulated for a in answers_of(store))
    store.close()


def test_bots_play_only_where_they_are_marked(url: str, store: Store, monkeypatch) -> None:
    bot = RaterBot(url, store.study, store.plan, Opinions(store.study, 0))
    answer = bot._ask
    monkeypatch.setattr(bot, "_ask", lambda request: replace(answer(request), simulated=False))
    with pytest.raises(ValueError, match="does not mark"):
        bot.play()
    assert raters_of(store) == []


def test_opinions_follow_the_expectation(small_study: Any) -> None:
    study, plan = small_study
    habits = replace(CAREFUL, hit=1.0, alarm=0.0)
    points: dict[str, list[float]] = {}
    for rater in range(300):
        opinions = Opinions(study, rater, habits=habits)
        for text in plan.texts:
            values = opinions.of(text)
            assert values["author"] == int(text.label == "machine")
            assert 0 <= values["where"] <= 5
            points.setdefault(text.condition, []).append(values["credibility.clear"])
    assert Opinions(study, 5).of(plan.texts[0]) == Opinions(study, 5).of(plan.texts[0])
    means = {name: sum(p) / len(p) for name, p in points.items()}
    assert means["small"] < means["people"]
    for name, mean in means.items():  # near what the study file expects, texts' appeal apart
        assert abs(mean - study.expected.means[name]) < 1


@contextmanager
def program(study: Path, plan: Path, address: str, port: int) -> Iterator[tuple[str, Any]]:
    """`hallmark study serve` in a process of its own: its address, and the process."""
    command = [
        sys.executable, "-c", "from hallmark.cli.main import run; run()", "study", "serve", study,
        "--plan", plan, "--database", address, "--port", str(port), "--json", "--quiet",
    ]  # fmt: skip
    environment = os.environ | {"HALLMARK_STUDY_PASSWORD": "correct horse battery"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["listening"], process
        finally:
            process.kill()


@pytest.mark.timeout(600)  # seconds, for a busy machine
def test_a_server_that_is_killed_loses_no_acknowledged_answer(
    database_address: str, tmp_path: Path, run_cli: Any
) -> None:
    """kill -9 in the middle; the bots try again, as people reload, and get to the end."""
    from hallmark.cli.fieldwork import load

    for name in ("small", "large", "people"):
        lines = [json.dumps({"text": f"The {name} story {i} is told. " * 10}) for i in range(20)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    file, made = tmp_path / "study.toml", tmp_path / "plan.json"
    conditions = [f"--condition={name}={name}.jsonl" for name in ("small", "large")]
    assert run_cli("study", "new", file, *conditions, "--human=people=people.jsonl").code == 0
    assert run_cli("study", "plan", file, "--out", made).code == 0
    study, plan = load(file, made)
    bots: list[RaterBot] = []
    with program(file, made, database_address, 0) as (url, process):
        bots = [
            RaterBot(url, study, plan, Opinions(study, i, habits=CAREFUL), patience=200, pace=0.02)
            for i in range(8)
        ]
        threads = [threading.Thread(target=bot.play) for bot in bots]
        for thread in threads:
            thread.start()
        wait_for(bots, 40)
        process.send_signal(signal.SIGKILL)
        process.wait()
    port = int(url.rstrip("/").rpartition(":")[2])
    store = Store.open(database_address, study, plan)
    check_kept(store, [bot.played for bot in bots])
    with program(file, made, database_address, port):
        for thread in threads:
            thread.join(200)
    check_kept(store, [bot.played for bot in bots])
    assert [bot.played.status for bot in bots] == ["completed"] * 8
    answers = answers_of(store)
    assert len(answers) == 8 * 12 * 4
    assert len({(a.rater, a.position, a.question) for a in answers}) == len(answers)
    store.close()


def wait_for(bots: Sequence[RaterBot], pages: int) -> None:
    """Until so many pages were answered in all."""
    until = time.monotonic() + 120
    while sum(len(bot.played.answers) for bot in bots) < pages:
        assert time.monotonic() < until
        time.sleep(0.01)
