"""`hallmark serve`: the pages and the API on this machine."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from hallmark.cli.extras import needs
from hallmark.cli.options import (
    DEFAULT_MODEL,
    AsJson,
    Detector,
    Model,
    Precision,
    Quiet,
    home,
    load_model,
)
from hallmark.cli.output import note, print_json
from hallmark.detect.verdict import BUNDLED_DETECTOR
from hallmark.models.precision import AUTO
from hallmark.web.limits import Limits

if TYPE_CHECKING:
    from hallmark.web.service import Service

HOST, PORT = "127.0.0.1", 8080

Host = Annotated[str, typer.Option(help="Where to listen; elsewhere than here wants a key.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")]
Key = Annotated[
    str | None,
    typer.Option(envvar="HALLMARK_API_KEY", help="What clients must show; better not typed here."),
]
Slots = Annotated[int, typer.Option(min=1, max=64, help="Texts written at once.")]
Queue = Annotated[int, typer.Option(min=1, help="Texts that may wait to be written.")]


def serve(
    host: Host = HOST,
    port: Port = PORT,
    model: Model = DEFAULT_MODEL,
    detector: Detector = BUNDLED_DETECTOR,
    precision: Precision = AUTO,
    api_key: Key = None,
    slots: Slots = Limits.slots,
    queue: Queue = Limits.queue,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Serve pages for people, and an API that OpenAI's clients speak."""
    serving = load_server()
    serving.check_key(host, api_key)
    limits = Limits(slots=slots, queue=queue)
    service = make(model, detector, precision, limits=limits, quiet=quiet)
    log(quiet=quiet)
    try:
        serving.serve(
            service, host=host, port=port, key=api_key, listening=announcing(json=json, quiet=quiet)
        )
    finally:
        service.close()


def load_server() -> ModuleType:
    """The web layer; ValueError where what it needs is not installed."""
    with needs("web", who="serve needs"):
        from hallmark.web import serving
    return serving


def make(model: str, detector: str, precision: str, *, limits: Limits, quiet: bool) -> Service:
    """The service's objects, loaded, and used once so that the first visitor does not wait."""
    from hallmark.detect.judge import load_detector
    from hallmark.web.service import Service

    judge = load_detector(detector, home=home())
    writer = load_model(model, precision=precision)
    service = Service(writer, judge, detector=detector, limits=limits)
    note("hallmark: getting ready; the first start here compiles for up to a minute", quiet=quiet)
    service.warm_up()
    return service


def log(*, quiet: bool) -> None:
    """One line a request on standard error: never a text, an address's query or a key."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name in ("hallmark.web", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING if quiet or name != "hallmark.web" else logging.INFO)


def announcing(*, json: bool, quiet: bool) -> Callable[[str], None]:
    """What to say once the service listens."""

    def announce(address: str) -> None:
        if json:
            print_json({"listening": address})
        else:
            note(f"hallmark: open {address} (Ctrl-C ends the service)", quiet=quiet)

    return announce
