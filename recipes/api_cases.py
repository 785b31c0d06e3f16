"""Requests made up from the OpenAPI schema against the whole app: `python recipes/api_cases.py`.

schemathesis draws as many that obey the schema as that do not. None may end in a server error, and
each answer must be one that the schema names. In one process over ASGI: guards and limits as
served but for the time, no sockets. Prints cases and answers by operation; exits with 1 where a
case failed.
"""

from __future__ import annotations

import argparse
import collections
import sys
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hallmark.cli.serve import make
from hallmark.detect.verdict import BUNDLED_DETECTOR
from hallmark.web.app import create_app
from hallmark.web.limits import Limits
from hallmark.web.service import Service

HOST = "http://127.0.0.1"  # the only name that the app answers to
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
]  # fmt: skip
WAIT = 300  # seconds for a request, so that a slow machine is no error
FIXED = 5  # cases of an operation that takes nothing: all are alike
SHOWN = 600  # characters of a failure

Counts = dict[str, collections.Counter[int]]


def try_all(service: Service, *, cases: int, start: int = 0) -> tuple[Counts, list[str]]:
    """About so many cases in all, of every operation; statuses by operation, and failures.

    start: the seed. Nothing is shrunk: a failure says what was sent.
    """
    schema = schemathesis.openapi.from_asgi("/openapi.json", _local(create_app(service)))
    operations = [found.ok() for found in schema.get_all_operations()]
    takers = [operation for operation in operations if list(operation.body)]
    each = -(-cases // (2 * len(takers)))
    counts: Counts = {operation.label: collections.Counter() for operation in operations}
    failures: list[str] = []
    for operation in operations:
        for mode in GenerationMode if operation in takers else [GenerationMode.POSITIVE]:
            most = each if operation in takers else FIXED
            _try(operation, mode, most, start, counts[operation.label], failures)
    return counts, failures


def _try(
    operation: Any, mode: GenerationMode, most: int, start: int,
    counts: collections.Counter[int], failures: list[str],
) -> None:  # fmt: skip
    @settings(
        max_examples=most, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @seed(start)
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        answer = case.call(timeout=2 * WAIT)
        counts[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=CHECKS)
        except* Exception as error:
            failures.append(f"{operation.label} ({mode.value}): {error.exceptions}"[:SHOWN])

    one()


def _local(app: Any) -> Any:
    """The app as asked by the name that it listens on, whatever the case."""

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = [pair for pair in scope["headers"] if pair[0] != b"host"]
            scope = scope | {"headers": [*headers, (b"host", HOST.partition("//")[2].encode())]}
        await app(scope, receive, send)

    return asked


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="ladder-1M")
    args = parser.parse_args()
    service = make(args.model, BUNDLED_DETECTOR, "auto", limits=Limits(seconds=WAIT), quiet=True)
    counts, failures = try_all(service, cases=args.cases, start=args.seed)
    service.close()
    print("| operation | cases | answers |\n|---|---|---|")
    for name, found in counts.items():
        shown = ", ".join(f"{status}: {n}" for status, n in sorted(found.items()))
        print(f"| `{name}` | {found.total():,} | {shown} |")
    total = sum(found.total() for found in counts.values())
    print(f"\n{total:,} cases, seed {args.seed}: {len(failures)} failed")
    print(*failures[:20], sep="\n")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
