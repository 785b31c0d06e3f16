"""The documentation says what the program does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import typer

from hallmark.cli.main import app
from hallmark.cli.reference import reference

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("jobs/*.md"))]


def test_the_reference_is_that_of_the_program() -> None:
    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == reference(), "run scripts/check --fix"


def test_every_command_and_option_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    commands = dict(typer.main.get_command(app).commands)
    for name, group in list(commands.items()):
        commands |= {f"{name} {n}": c for n, c in getattr(group, "commands", {}).items()}
    assert "train finetune" in commands
    for name, command in commands.items():
        section = text.partition(f"## `hallmark {name}`")[2].partition("\n## ")[0]
        for option in (o for param in command.params for o in param.opts if o.startswith("-")):
            assert option in section, f"{option} of {name}"


def test_the_readme_is_short_and_its_two_commands_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 150
    for script in ("scripts/demo", "scripts/test"):
        assert script in readme
        assert (ROOT / script).stat().st_mode & 0o111, f"{script} cannot be run"


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_site_builds_without_a_warning_and_asks_no_other_host(tmp_path: Path) -> None:
    """Links of every page and of the generated reference are checked by zensical."""
    command = [sys.executable, str(ROOT / "scripts" / "site.py"), str(tmp_path / "site")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for page in ("index.html", "jobs/teacher.html", "cli.html", "api/hallmark.release.html"):
        assert (tmp_path / "site" / page).is_file()


def test_every_page_is_in_the_sites_navigation() -> None:
    config = (ROOT / "mkdocs.yml").read_text("utf-8")
    named = set(re.findall(r": ([\w/-]+\.md)$", config, re.MULTILINE))
    pages = {path.relative_to(DOCS).as_posix() for path in PAGES if path.name != "README.md"}
    assert pages <= named
    made = {"api/index.md", "benchmarks.md"}
    assert all((DOCS / name).is_file() for name in named - made)


def test_the_readme_maps_every_folder_of_the_package() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    package = ROOT / "src" / "hallmark"
    folders = [f.name for f in package.iterdir() if f.is_dir() and f.name != "__pycache__"]
    assert [name for name in folders if f"{name}/" not in readme] == []
