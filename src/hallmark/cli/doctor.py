"""`hallmark doctor`: whether this install can work, one line for each thing it needs."""

from __future__ import annotations

import os
import platform
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import typer

from hallmark import __version__
from hallmark.cli.options import AsJson, Quiet, home
from hallmark.cli.output import print_json
from hallmark.models.sizes import BUNDLED, MANIFEST, SIZES

PACKAGES = ("numpy", "scipy", "scikit-learn", "safetensors", "tiktoken", "typer", "rich")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `mend` says what to do where it is not `ok`."""

    name: str
    ok: bool
    found: str
    mend: str = ""


def doctor(json: AsJson = False, quiet: Quiet = False) -> None:
    """Check this install, this machine and the bundled files."""
    checks = list(examine(home()))
    healthy = all(check.ok for check in checks)
    if json:
        print_json({"ok": healthy, "checks": [asdict(check) for check in checks]})
    else:
        print("\n".join(line(check) for check in checks if not (quiet and check.ok)))
    if not healthy:
        raise typer.Exit(1)


def line(check: Check) -> str:
    """One line for people."""
    mend = f"; {check.mend}" if check.mend else ""
    return f"{'ok' if check.ok else 'FAILED':<7} {check.name:<20} {check.found}{mend}"


def examine(home: Path) -> Iterator[Check]:
    """Every check in turn; a check that raises is one that failed."""
    yield Check("hallmark", True, f"{__version__}, Python {platform.python_version()}")
    yield run("packages", versions, mend="install hallmark again")
    yield run("PyTorch", pytorch, mend="install torch again")
    yield run("machine", machine, mend="")
    names = [size.name for size in SIZES if size.bundled]
    for name in (*names, "detector"):
        again = "install hallmark again"
        yield run(name, lambda name=name: bundled(BUNDLED / name), mend=again)  # type: ignore[misc]
    yield run("folder for data", lambda: writable(home), mend="set HALLMARK_HOME to another folder")


def run(name: str, look: Callable[[], str], *, mend: str) -> Check:
    """The check that `look` makes: what it finds, or the error that it raises."""
    try:
        return Check(name, True, look())
    except (OSError, ValueError, ImportError) as error:
        return Check(name, False, str(error), mend)


def versions() -> str:
    """Versions of the packages that results depend on."""
    return ", ".join(f"{package} {version(package)}" for package in PACKAGES)


def pytorch() -> str:
    """PyTorch's version, devices and threads."""
    from hallmark.lm.device import find_machine

    found = find_machine()
    return f"{found.torch}, {', '.join(found.devices)}, {found.threads} threads"


def machine() -> str:
    """Cores that this process may use, and memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    system = f"{platform.system()} {platform.machine()}, {cores} cores"
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return system
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{system}, {memory:.1f} GiB of memory"


def bundled(folder: Path) -> str:
    """Check a bundled folder's files against the hashes in its manifest."""
    from hallmark.models.folder import check_manifest

    if not (folder / MANIFEST).is_file():
        raise FileNotFoundError(f"{folder} is missing")
    check_manifest(folder)
    size = sum(file.stat().st_size for file in folder.iterdir())
    return f"{size / 2**20:.1f} MiB, hashes agree"


def writable(folder: Path) -> str:
    """Write a small file where fetched models are kept, and remove it."""
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f".probe-{secrets.token_hex(8)}"
    try:
        probe.write_bytes(b"hallmark\n")
    finally:
        probe.unlink(missing_ok=True)
    return f"{folder} can be written"
