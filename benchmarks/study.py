"""A study under load: 200 raters at once, a server that is killed in the middle, nothing lost.

    python benchmarks/study.py [--raters 200] [--kill] [--database sqlite|postgresql|ADDRESS]

Bots play the real pages of `hallmark study serve`, a process of its own, all at the same time.
Then every answer that a bot was told is stored is looked up in the database. SQLite lies in a
temporary folder on disk; PostgreSQL is started for the run, with its own settings.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import postgres

from hallmark.cli.fieldwork import load
from hallmark.study.bots import Played, RaterBot
from hallmark.study.opinions import Habits, Opinions
from hallmark.study.store import Store
from hallmark.study.store_reading import answers_of, answers_under, overview

CAREFUL = Habits(misreads=0, skims=0, leaves=0)
TEXTS, EACH = 20, 12  # texts of a condition, texts a rater
PATIENCE = 600.0  # seconds for which a bot tries again while the server is away


def hallmark(*arguments: object) -> list[str]:
    """A command that runs the program."""
    words = [str(a) for a in arguments]
    return [sys.executable, "-c", "from hallmark.cli.main import run; run()", *words]


def design(folder: Path, raters: int) -> tuple[Path, Path]:
    """A study file with at least so many places, and its plan."""
    names = ("small", "large", "people")
    for name in names:
        lines = [json.dumps({"text": f"The {name} story {i} is told. " * 10}) for i in range(30)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    file, plan = folder / "study.toml", folder / "plan.json"
    conditions = [f"--condition={name}={name}.jsonl" for name in names[:2]]
    new = hallmark("study", "new", file, *conditions, "--human=people=people.jsonl", "-q")
    subprocess.run(new, check=True, stdout=subprocess.DEVNULL)
    ratings = -(-raters * EACH // (TEXTS * len(names)))
    text = file.read_text().replace("ratings_per_text = 6", f"ratings_per_text = {ratings}")
    file.write_text(text)
    made = hallmark("study", "plan", file, "--out", plan, "-q")
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
    return file, plan


@contextmanager
def served(file: Path, plan: Path, address: str, port: int = 0) -> Iterator[tuple[str, Any]]:
    """The address of the study, and its process, which is killed in the end."""
    options = ("--database", address, "--port", port, "--json", "--quiet")
    command = hallmark("study", "serve", file, "--plan", plan, *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["listening"], process
        finally:
            process.kill()


def play(bots: list[RaterBot], failed: list[str]) -> list[threading.Thread]:
    """All of them at once; what went wrong goes to `failed`."""

    def one(bot: RaterBot) -> None:
        try:
            bot.play()
        except Exception as error:
            failed.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=one, args=(bot,)) for bot in bots]
    for thread in threads:
        thread.start()
    return threads


def pages(bots: list[RaterBot]) -> int:
    """Pages that were acknowledged so far."""
    return sum(len(bot.played.answers) for bot in bots)


def run(address: str, folder: Path, raters: int, *, kill: bool) -> dict[str, Any]:
    """What one database did."""
    file, plan = design(folder, raters)
    study, made = load(file, plan)
    failed: list[str] = []
    began = time.perf_counter()
    with served(file, plan, address) as (url, process):
        bots = [
            RaterBot(url, study, made, Opinions(study, i, habits=CAREFUL), patience=PATIENCE)
            for i in range(raters)
        ]
        threads = play(bots, failed)
        if kill:
            while pages(bots) < raters * EACH / 2 and any(t.is_alive() for t in threads):
                time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
            process.wait()
        else:
            for thread in threads:
                thread.join()
    if kill:
        port = int(url.rstrip("/").rpartition(":")[2])
        with served(file, plan, address, port):
            for thread in threads:
                thread.join()
    seconds = time.perf_counter() - began
    store = Store.open(address, study, made)
    found = check(store, [bot.played for bot in bots])
    store.close()
    times = sorted(t for bot in bots for t in bot.played.times)
    return {
        **found, "failed": failed[:3], "seconds": round(seconds, 1),
        "requests": len(times), "median_s": round(statistics.median(times), 3),
        "p95_s": round(times[int(0.95 * len(times))], 3),
    }  # fmt: skip


def check(store: Store, played: list[Played]) -> dict[str, Any]:
    """Answers that were acknowledged and are not there as they were given; rows that are there
    twice; most less fewest ratings of a text."""
    told = lost = 0
    for bot in played:
        stored = answers_under(store, bot.link.rpartition("/")[2])
        told += len(bot.answers)
        lost += sum(stored.get(page) != values for page, values in bot.answers.items())
    answers = answers_of(store)
    keys = Counter((a.rater, a.position, a.question) for a in answers)
    ratings = overview(store, simulated=True).ratings.values()
    return {
        "completed": sum(p.status == "completed" for p in played), "pages": told, "lost": lost,
        "doubled": sum(n - 1 for n in keys.values()), "balance": max(ratings) - min(ratings),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--raters", type=int, default=200)
    parser.add_argument("--kill", action="store_true", help="kill -9 in the middle")
    parser.add_argument("--database", help="sqlite, postgresql, or an address; both if not given")
    options = parser.parse_args()
    wanted = [options.database] if options.database else ["sqlite", "postgresql"]
    load_now = os.getloadavg()[0]
    print(f"SQLite {sqlite3.sqlite_version}; {os.cpu_count()} cores, load average {load_now:.1f}\n")
    print("| database | raters | completed | pages | lost | doubled | most - fewest ratings | "
          "seconds | request, median | p95 |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in wanted:
        server = postgres.server() if name == "postgresql" else nullcontext()
        with tempfile.TemporaryDirectory() as folder, server as running:
            address = {"sqlite": str(Path(folder) / "study.db")}.get(name, name)
            r = run(running.new() if running else address, Path(folder), options.raters,
                    kill=options.kill)  # fmt: skip
            print(f"| {name} | {options.raters} | {r['completed']} | {r['pages']} | {r['lost']} | "
                  f"{r['doubled']} | {r['balance']} | {r['seconds']} | {r['median_s']} s | "
                  f"{r['p95_s']} s |", flush=True)  # fmt: skip
            for reason in r["failed"]:
                print(f"\na bot failed: {reason}")


if __name__ == "__main__":
    main()
