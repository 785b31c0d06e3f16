"""The parts of a report: figures as SVG, alarms counted, and the PDF of a browser."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from hallmark.release.report import pdf
from hallmark.release.report.figures import Panel, Point, heats, intervals, lines, standing_alone
from hallmark.release.report.limits import precision
from hallmark.release.report.page import slug
from hallmark.release.report.write import write_report

from .conftest import Write, matrix

POINTS = [Point(16, 60, 55, 66), Point(64, 80, 75, 84)]


def test_a_figure_takes_the_colour_of_the_page_and_has_ids_of_its_own() -> None:
    svg = lines("one", [Panel("k40", {"tfidf": POINTS})], x="tokens", y="%", log=True)
    assert "currentColor" in svg
    assert "#010203" not in svg
    ids = re.findall(r'\bid="([^"]+)"', svg)
    assert ids
    assert all(name.startswith("one-") for name in ids)
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg))
    assert used <= set(ids)
    assert "image" not in svg
    assert standing_alone(svg).startswith("<?xml")


def test_heat_maps_are_lines_and_not_pictures() -> None:
    svg = heats("h", [("pure", ("a", "b"), ("a", "b"), [[50.0, 99.0], [float("nan"), 70.0]])])
    assert "<image" not in svg
    assert svg.count(">99<") == 1
    assert ">nan<" not in svg


def test_simulated_intervals_say_so() -> None:
    assert "SIMULATED" in intervals("i", POINTS, x="mean", simulated=True)
    assert "SIMULATED" not in intervals("i", POINTS, x="mean")


def test_precision_takes_the_worse_ends() -> None:
    cell = {"tpr": [{"low": 0.5}], "fpr": [{"high": 0.05}]}
    assert precision(cell, 0.5) == pytest.approx(0.5 * 0.5 / (0.5 * 0.5 + 0.5 * 0.05))
    assert precision(cell, 0.01) == pytest.approx(0.0918, abs=1e-4)
    assert precision({"tpr": [{"low": 0.0}], "fpr": [{"high": 0.0}]}, 0.5) == 0.0


def test_anchors_are_those_of_github() -> None:
    assert slug("Where each figure comes from") == "where-each-figure-comes-from"
    assert slug("ladder-0.5M: fail") == "ladder-05m-fail"


def test_without_a_browser_the_way_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ValueError, match=r"no Chromium .* open .*report\.html in any browser"):
        pdf.print_pdf(tmp_path / "report.html")


@pytest.mark.skipif(not any(map(shutil.which, pdf.BROWSERS)), reason="no Chromium is here")
def test_a_browser_prints_the_page(evidence: Write, tmp_path: Path) -> None:
    write_report(evidence(matrix=matrix()), tmp_path / "out")
    made = pdf.print_pdf(tmp_path / "out" / "report.html")
    assert made.read_bytes().startswith(b"%PDF-")


def test_the_command(evidence: Write, tmp_path: Path, run_cli) -> None:
    done = run_cli("release", "report", evidence(matrix=matrix()), "--out", tmp_path / "out")
    assert (done.code, done.out) == (0, f"{tmp_path / 'out' / 'report.html'}\n")
    assert done.err == "For a PDF print the page from a browser, or give --pdf.\n"
    failed = run_cli("release", "report", tmp_path / "out", "--out", tmp_path / "again")
    assert failed.code == 1
    assert "holds no result files" in failed.err
