"""The report: each claim with its evidence or without, published figures apart, sources by hash."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hallmark.models.folder import sha256_of
from hallmark.outputs.names import TRIAL
from hallmark.release.report import published
from hallmark.release.report.write import write_report

from .conftest import Write, matrix, study

CLAIMS = (
    "Credibility by size", "Detectability by size", "Transfer from size to size", "Sampling",
    "Fine-tuning", "Detection alone is not enough",
)  # fmt: skip


def section(page: str, name: str) -> str:
    """What stands below a heading of Markdown."""
    return page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


@pytest.fixture
def page(evidence: Write, tmp_path: Path) -> str:
    folder = evidence(matrix=matrix(), study__result=study(simulated=False))
    write_report(folder, tmp_path / "out")
    return (tmp_path / "out" / "report.md").read_text("utf-8")


def test_each_claim_of_the_release_has_its_section(page: str) -> None:
    for name in CLAIMS:
        assert len(section(page, name)) > 100, name
    assert "0.100 [0.050, 0.140]" in section(page, "Detectability by size")
    assert "| tfidf | 1 | 0 | 0 |" in section(page, "Detectability by size")
    assert "| large - small | 0.20 [0.15, 0.24] | yes (margin 0.5) |" in section(page, CLAIMS[0])


def test_what_decides_nothing_is_counted_apart(evidence: Write, tmp_path: Path, page: str) -> None:
    assert "no finding" not in page
    table = {**matrix(), "practice": True}
    table["claims"][0]["verdict"] = "practice texts"
    write_report(evidence("other", matrix=table), tmp_path / "again")
    made = (tmp_path / "again" / "report.md").read_text("utf-8")
    assert TRIAL not in page
    assert made.index(TRIAL) < made.index("## In short")
    assert "0 contradicted, 1 no finding (too few texts, or practice texts)" in section(
        made, "In short"
    )
    assert "| tfidf | 0 | 0 | 0 | 1 |" in section(made, "Detectability by size")


def test_what_is_not_there_is_said(page: str) -> None:
    assert "Not measured: there is no misuse analysis" in section(page, "Fine-tuning")
    missing = section(page, "What is missing")
    for what in ("misuse analysis", "memorisation", "bias probes", "disguised texts"):
        assert f"no {what}" in missing or f"no the {what}" in missing or what in missing


def test_without_a_study_only_people_can_say(evidence: Write, tmp_path: Path) -> None:
    write_report(evidence(matrix=matrix()), tmp_path / "out")
    text = section((tmp_path / "out" / "report.md").read_text("utf-8"), CLAIMS[0])
    assert "only people can supply this" in text
    assert "6.91 of 10" in text


def test_simulated_ratings_are_marked_everywhere(evidence: Write, tmp_path: Path) -> None:
    write_report(evidence(study__result=study(simulated=True)), tmp_path / "out")
    page = (tmp_path / "out" / "report.md").read_text("utf-8")
    text = section(page, CLAIMS[0])
    assert "SIMULATED" in text
    assert "Difference (simulated)" in text
    assert "Mean credibility by stage with 95 % intervals over raters and texts (simulated)" in text
    assert "simulated ratings only: people must say" in section(page, "In short")
    figure = (tmp_path / "out" / "figures" / "credibility.svg").read_text("utf-8")
    assert "SIMULATED" in figure


def test_published_figures_never_stand_in_a_column_with_ours(page: str) -> None:
    tables = re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)
    figures = ["88.29", "74.31", "6.07", "6.91", "92.7", "70.2"]
    for table in tables:
        if any(f in table for f in figures):
            assert table.startswith("| Published of | Published | Its protocol |"), table[:200]
    assert all(any(f in table for table in tables) for f in figures)
    assert published.REPORT in page


def test_each_figure_names_file_hash_command_and_seed(
    page: str, evidence: Write, tmp_path: Path
) -> None:
    table = section(page, "Where each figure comes from")
    shown = re.findall(r"^\*\*((?:Figure|Table) \d+)\.\*\*", page, re.MULTILINE)
    assert len(shown) > 8
    sha256 = sha256_of(tmp_path / "evidence" / "matrix.json")
    for label in shown:
        (row,) = [line for line in table.splitlines() if line.startswith(f"| {label} |")]
        assert row.endswith("| 7 |")
        assert "`hallmark " in row
    assert table.count(sha256) >= 6


def test_the_page_asks_nothing_of_anybody(page: str, tmp_path: Path) -> None:
    text = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert not re.search(r'(?:src|href)="(?!#)', text)
    assert not re.search(r"@import|url\((?!#)|<script|<img|<image", text)
    assert "default-src 'none'" in text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_the_same_files_give_the_same_bytes(evidence: Write, tmp_path: Path) -> None:
    folder = evidence(matrix=matrix(), study__result=study(simulated=False))
    for name in ("one", "two"):
        names = write_report(folder, tmp_path / name)
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_text_in_a_file_is_no_markup(evidence: Write, tmp_path: Path) -> None:
    table = matrix()
    table["command"] = "<script>alert(1)</script>"
    write_report(evidence(matrix=table), tmp_path / "out")
    assert "<script" not in (tmp_path / "out" / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    "misuse", [{}, {"curve": [], "final": {}}, {"curve": [{"documents": 0}], "final": []}]
)
def test_a_file_of_another_form_spoils_its_section_alone(
    misuse: dict[str, object], evidence: Write, tmp_path: Path
) -> None:
    write_report(evidence(matrix=matrix(), misuse=misuse), tmp_path / "out")
    page = (tmp_path / "out" / "report.md").read_text("utf-8")
    assert "has not the form that this version reads" in section(page, "Fine-tuning")
    assert "supported" in section(page, "Detectability by size")


def test_a_folder_without_results_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no result files"):
        write_report(tmp_path / "empty", tmp_path / "out")
    assert not (tmp_path / "out").exists()
