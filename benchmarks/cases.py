"""50 reviewers at once on PostgreSQL, over HTTP, through restarts of the server and the database.

    python benchmarks/cases.py [--reviewers 50] [--cases 600]

Half of the cases are for two reviewers. Each reviewer takes a case, answers, takes the next, as
fast as answers come. After a third of the answers the server is killed (SIGKILL) and started anew;
after two thirds the database is ended at once (`pg_ctl -m immediate`, as in a crash) and started
anew. Then every answer that was acknowledged must be there once, no case may have had more
reviewers than it needs, and the log must be whole. Passwords are hashed cheaply here, so that
signing in 50 people is not what is measured.
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import numpy as np
import postgres
from argon2 import PasswordHasher

from hallmark.evidence.caseload import Draft
from hallmark.evidence.cases import Evidence, Role, Settings, Text
from hallmark.evidence.fusion import PARTS
from hallmark.evidence.store import open_cases

PASSWORD = "a password for benchmarks"
WORDS = "Nobody read this; it is a benchmark."
LONGEST = 300  # seconds for everything
GONE = (httpx.TransportError,)


@dataclass
class Work:
    """What the reviewers did, as they were told."""

    acknowledged: list[tuple[str, int]] = field(default_factory=list)
    given: list[tuple[str, int]] = field(default_factory=list)
    took: list[float] = field(default_factory=list)  # seconds of answered requests
    failed: collections.Counter[str] = field(default_factory=collections.Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)


class Service:
    """The pages in a process of their own, on one port; may be killed and started anew."""

    def __init__(self, address: str, port: int) -> None:
        self.command = [sys.executable, __file__, "serve", address, str(port)]
        self.url = f"http://127.0.0.1:{port}"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                if httpx.get(f"{self.url}/sign-in").status_code == 200:
                    return
            except GONE:
                time.sleep(0.1)
        raise SystemExit("the service did not start")

    def restart(self) -> None:
        self.process.kill()
        self.process.wait()
        self.start()


def review(name: str, url: str, work: Work) -> None:
    """One reviewer, until nothing waits. A request that got no answer is made again."""
    client = httpx.Client(base_url=url, timeout=60)

    def ask(path: str, **form: str) -> httpx.Response | None:
        began = time.perf_counter()
        try:
            answer = client.post(path, data=form)
        except GONE as error:
            kind = type(error).__name__
        else:
            if answer.status_code == 303 and not answer.headers["location"].endswith("/sign-in"):
                with work.lock:
                    work.took.append(time.perf_counter() - began)
                return answer
            if answer.status_code == 303:  # the session ended with the server that gave it
                with_password()
            kind = str(answer.status_code)
        with work.lock:
            work.failed[kind] += 1
        time.sleep(0.2)
        return None

    def with_password() -> None:
        for _ in range(300):
            try:
                if client.post("/sign-in", data={"name": name, "password": PASSWORD}).is_redirect:
                    return
            except GONE:
                pass
            time.sleep(0.2)

    with_password()
    while not work.over.is_set():
        taken = ask("/desk/take")
        if taken is None:
            continue
        where = taken.headers["location"]
        if "nothing" in where:
            break
        number = int(where.rpartition("/")[2])
        with work.lock:
            work.given.append((name, number))
        if ask(f"{where}/review", answer="cannot tell", reasons=WORDS):
            with work.lock:
                work.acknowledged.append((name, number))
    client.close()


def drafts(count: int) -> list[Draft]:
    """Cases about which something was weighed."""
    generator = np.random.default_rng(0)
    found = []
    for i in range(count):
        p = float(generator.uniform(0.01, 0.95))
        parts = {**dict.fromkeys(PARTS, 0.0), "content": math.log(p / (1 - p))}
        evidence = Evidence(0.01, p, parts, (), False, 3)
        texts = tuple(Text(f"{i}-{j}", 1e9 + j, f"post {j} of account {i} " * 8) for j in range(3))
        found.append(Draft(f"account {i}", f"P{i:07}", evidence, texts))
    return found


def crash(server: postgres.Server) -> None:
    """End the database at once and start it anew, as after a crash."""
    control(server, "restart", "-m", "immediate")


def control(server: postgres.Server, *words: str) -> None:
    where = postgres.programs()
    assert where is not None
    who = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    subprocess.run(
        [where / "pg_ctl", "-D", server.folder / "data", "-w", "-l", os.devnull, *words],
        check=True, cwd=server.folder, stdout=subprocess.DEVNULL, **who,
    )  # fmt: skip


def run(reviewers: int, cases: int, *, port: int) -> int:
    """The whole of it; 1 where anything is not as it must be."""
    with postgres.server() as server:
        address = server.new()
        store = open_cases(address)
        store.change_settings(Settings(double=0.5))
        store.add(drafts(cases))
        hashed = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
        names = [f"reviewer{i}" for i in range(reviewers)]
        for name in names:
            store.set_user(name, Role.REVIEWER, hashed)
        wanted = sum(case.needed for case in store.cases())
        service, work = Service(address, port), Work()
        began = time.perf_counter()
        restarts = [(wanted // 3, service.restart), (2 * wanted // 3, lambda: crash(server))]
        with ThreadPoolExecutor(reviewers) as pool:
            done = [pool.submit(review, name, service.url, work) for name in names]
            try:
                for at, restart in restarts:
                    while len(work.acknowledged) < at and not all(d.done() for d in done):
                        time.sleep(0.02)
                    restart()
                for each in done:
                    each.result(timeout=LONGEST)
            finally:
                work.over.set()
        service.process.terminate()
        service.process.wait()
        seconds = time.perf_counter() - began
        store.close()
        store = open_cases(address)  # connections of before the crash are gone
        wrong = problems(store, work, wanted)
        report(work, wrong, reviewers=reviewers, cases=cases, wanted=wanted, seconds=seconds)
        store.close()
        control(server, "stop", "-m", "fast")
    return 1 if wrong else 0


def problems(store: object, work: Work, wanted: int) -> list[str]:
    """Everything that is not as it must be."""
    found = []
    cases = {case.id: case for case in store.cases()}  # type: ignore[attr-defined]
    stored = [(r.reviewer, case.id) for case in cases.values() for r in case.reviews]
    lost = set(work.acknowledged) - set(stored)
    if lost:
        found.append(f"{len(lost)} acknowledged answers are lost: {sorted(lost)[:3]}")
    if len(stored) != wanted or len(set(stored)) != wanted:
        found.append(f"{len(stored)} answers are stored, {wanted} are wanted")
    given = collections.Counter(number for _, number in set(work.given))
    over = {n: k for n, k in given.items() if k > cases[n].needed}
    if over:
        found.append(f"cases given to more people than they need: {over}")
    told = collections.Counter()
    for entry in store.entries():  # type: ignore[attr-defined]
        event = json.loads(entry.event)
        if event["what"] == "given":
            told[event["case"]] += 1
    if any(told[n] != case.needed for n, case in cases.items()):
        found.append("the log tells of more or fewer cases given than are needed")
    try:
        store.verify()  # type: ignore[attr-defined]
    except ValueError as error:
        found.append(str(error))
    return found


def report(work: Work, wrong: Sequence[str], **facts: float) -> None:
    took = np.array(work.took)
    print(
        f"{platform.platform()}, {os.cpu_count()} CPUs\n\n"
        f"{facts['reviewers']} reviewers at once, {facts['cases']} cases, {facts['wanted']} "
        f"answers wanted, {len(work.acknowledged)} acknowledged; {facts['seconds']:.1f} s with "
        f"both restarts\n"
        f"requests answered {len(took)}, seconds: median {np.median(took):.3f}, 95 % within "
        f"{np.quantile(took, 0.95):.3f}, longest {took.max():.2f}\n"
        f"requests without success (asked again): {dict(work.failed)}\n"
        f"cases given to more people than they need, answers lost, log broken: {wrong or 'none'}"
    )


def serve(address: str, port: int) -> None:
    from hallmark.web.cases.app import LIMITS, create_cases_app
    from hallmark.web.listening import runner

    app = create_cases_app(open_cases(address))
    run_, _ = runner(app, host="127.0.0.1", port=port, drain=LIMITS.drain, listening=lambda _: None)
    run_()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], int(sys.argv[3]))
        sys.exit()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--reviewers", type=int, default=50)
    parser.add_argument("--cases", type=int, default=600)
    parser.add_argument("--port", type=int, default=18473)
    asked = parser.parse_args()
    sys.exit(run(asked.reviewers, asked.cases, port=asked.port))
