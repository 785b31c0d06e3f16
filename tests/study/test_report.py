"""From ratings to a report: exclusions, simulated data, anonymity, and every file written."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hallmark.study.analysis import analyse, analyse_pairs
from hallmark.study.definition import Study
from hallmark.study.document import Heading, Paragraph, Table, to_html, to_markdown
from hallmark.study.exclusions import include, raters_of
from hallmark.study.pairs import Preference
from hallmark.study.plan import deal
from hallmark.study.ratings import Answer, Rater, read_answers, read_raters, to_csv
from hallmark.study.report import SIMULATED, write_report


def ratings(study: Study, *, raters: int = 8, simulated: bool = False) -> list[Answer]:
    """Whole points around 5 to 7, and a guess of the author, for each reading of the plan."""
    draw = np.random.default_rng(0)
    rows = []
    for rater, hand in enumerate(deal(study.design, len(study.conditions), raters)):
        for position, (c, text) in enumerate(hand, start=1):
            name = study.conditions[c].name
            common = {
                "rater": f"WORKER{rater}", "text": f"{name}-{text}", "condition": name,
                "position": position, "simulated": simulated,
            }  # fmt: skip
            level = 5 + 0.5 * c + draw.normal()
            for question in study.scales[0].questions:
                value = float(np.clip(np.round(level + draw.normal()), 1, 10))
                rows.append(Answer(question=question, value=value, **common))
            guess, truth = float(draw.integers(2)), float(not study.conditions[c].human)
            rows.append(Answer(question="author", value=guess, truth=truth, **common))
    return rows


def test_everything_registered_is_reported(study: Study, tmp_path: Path) -> None:
    rows = ratings(study)
    result = analyse(rows, study=study)
    result = replace(
        result,
        pairs=analyse_pairs([Preference("a", "b", w, i) for i, w in enumerate(["a", "b", None])]),
    )
    write_report(result, rows, raters_of(rows), tmp_path)
    (scale,) = result.scales
    assert result.headline == scale.means
    assert [d.contrast for d in scale.differences] == list(study.contrasts)
    assert scale.alpha is not None
    assert scale.alpha.low < scale.alpha.value < scale.alpha.high
    assert scale.omega is not None
    assert 0.5 < scale.omega.value < 1
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for said in ("774M - 355M", "Cronbach", "omega", "Krippendorff", "Logits", "Bradley-Terry",
                 "Consented", "d&#x27;", "p (Holm)", study.hash):  # fmt: skip
        assert said in page, said
    assert json.loads((tmp_path / "result.json").read_text())["flow"]["analysed"] == 8
    assert (tmp_path / "figures" / "credibility-differences.svg").exists()
    assert "SIMULATED" not in page
    written = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert b"WORKER" not in written
    back = read_answers((tmp_path / "answers.csv").read_bytes(), name="answers.csv")
    assert len(back) == len(rows)
    assert analyse(back, study=study).scales[0].means["355M"].value == scale.means["355M"].value


def test_simulated_data_have_no_headline_and_say_so_everywhere(
    study: Study, tmp_path: Path
) -> None:
    rows = ratings(study, simulated=True)
    result = analyse(rows, study=study)
    assert (result.simulated, result.headline) == (True, None)
    write_report(result, rows, raters_of(rows), tmp_path)
    for name in ("report.html", "report.md", "codebook.md"):
        assert SIMULATED in (tmp_path / name).read_text(encoding="utf-8")
    with (tmp_path / "answers.csv").open() as file:
        assert {row["simulated"] for row in csv.DictReader(file)} == {"1"}


def test_bots_never_enter_an_analysis_of_people(study: Study) -> None:
    people = ratings(study, raters=5)
    bots = [replace(a, rater=f"bot-{a.rater}", value=1.0) for a in ratings(study, simulated=True)]
    alone, mixed = analyse(people, study=study), analyse([*people, *bots], study=study)
    assert mixed.headline == alone.headline
    assert (mixed.flow.simulated, mixed.flow.analysed) == (8, 5)


def test_without_human_texts_there_is_no_d_prime(study: Study, tmp_path: Path) -> None:
    for human, kind in ((False, "human"), (True, "machine")):
        names = {c.name for c in study.conditions if c.human == human}
        rows = [a for a in ratings(study) if a.condition in names]
        result = analyse(rows, study=study)
        found = result.detection["author"]
        assert (found.d_prime, found.criterion, found.lacks) == (None, None, kind)
        assert found.accuracy.low < found.accuracy.value < found.accuracy.high
        write_report(result, rows, raters_of(rows), tmp_path)
        said = (tmp_path / "report.md").read_text(encoding="utf-8")
        assert f"| d' | not computed: no {kind} texts |" in said
        assert f"| Criterion | not computed: no {kind} texts |" in said


def test_where_nobody_is_left_it_is_said_who_was_set_aside_and_why(study: Study) -> None:
    bots = [Rater(f"bot{i}", simulated=True) for i in range(6)]
    people = [Rater("a", attention_failed=1), Rater("b", "dropped out")]
    rows = [Answer(r.rater, "t", "355M", "author", 1.0) for r in (*bots, *people)]
    with pytest.raises(ValueError, match="nothing to analyse") as error:
        analyse(rows, [*bots, *people], study=study)
    said = str(error.value)
    assert "of 2 people 1 completed (1 failed an attention check), 1 dropped out" in said
    assert "6 simulated raters were set aside" in said
    assert "leave the people out" in said
    with pytest.raises(ValueError, match="nothing to analyse") as error:
        analyse(rows, [replace(r, simulated=False, attention_failed=1) for r in (*bots, *people)])
    assert "set aside" not in str(error.value)


@pytest.mark.parametrize("raters", [1, 4, 5])
def test_few_raters_give_no_interval_no_test_and_no_headline(
    study: Study, tmp_path: Path, raters: int
) -> None:
    rows = ratings(study, raters=raters)
    result = analyse(rows, study=study)
    pairs = analyse_pairs([Preference("a", "b", "ab"[i % 2], i % raters) for i in range(9)])
    write_report(replace(result, pairs=pairs), rows, raters_of(rows), tmp_path)
    said = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "1 raters" not in said
    (scale,) = result.scales
    told = result.detection["author"]
    assert told.d_prime is not None
    found = [
        *scale.means.values(), told.accuracy, told.d_prime, scale.alpha, scale.omega,
        *(d.estimate for d in scale.differences), *pairs.shares.values(),
        *pairs.strengths.values(),
    ]  # fmt: skip
    few = raters < 5
    for estimate in found:
        assert estimate is not None
        assert np.isfinite(estimate.value)
        assert np.isnan([estimate.low, estimate.high]).all() == few
    assert (result.headline is None) == few
    assert [(np.isnan(d.p), d.equivalent is None) for d in scale.differences] == [(few, few)] * 2
    assert ("Mean credibility, from 1 to 10" in said) == (not few)
    assert ("at least 5 are needed" in said) == few
    assert ("too few raters" in said) == few
    assert "nan" not in said
    written = json.loads((tmp_path / "result.json").read_text())
    assert (written["scales"][0]["means"]["355M"]["low"] is None) == few


def test_one_rating_of_each_condition_is_described(study: Study, tmp_path: Path) -> None:
    rows = [
        Answer("a", name, name, question, value)
        for name, value in (("355M", 4.0), ("774M", 6.0))
        for question in study.scales[0].questions
    ]
    write_report(analyse(rows, study=study), rows, raters_of(rows), tmp_path)
    said = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| 774M - 355M | 2.00 | too few raters | - | - | - | - |" in said
    assert "nan" not in said


def test_each_exclusion_has_one_reason() -> None:
    raters = [
        Rater("a"), Rater("b", attention_failed=1), Rater("c", "dropped out"),
        Rater("d", "screened out"), Rater("e", "active"), Rater("f", simulated=True),
    ]  # fmt: skip
    rows = [Answer(r.rater, "t", "x", "q", 5.0, simulated=r.simulated) for r in raters]
    kept, flow, simulated = include(rows, raters)
    assert ([a.rater for a in kept], simulated) == (["a"], False)
    assert [n for _, n in flow.steps()] == [5, 1, 1, 1, 2, 1, 1]
    with pytest.raises(ValueError, match="status must be one of"):
        include(rows[:1], [Rater("a", "gone")])
    with pytest.raises(ValueError, match="'b' has answers but is not in the list"):
        include(rows[:2], raters[:1])
    assert include([replace(rows[0], simulated=True)], raters[:1])[2]


def test_raters_are_read_or_refused() -> None:
    data = b"rater,status,attention_failed\na,completed,1\nb,dropped out,\n"
    found = read_raters(data, name="f")
    assert found == [Rater("a", attention_failed=1), Rater("b", "dropped out")]
    with pytest.raises(ValueError, match="f, line 4 has no rater, or one that came before"):
        read_raters(data + b"a,completed,0\n", name="f")
    with pytest.raises(ValueError, match="f lacks the column rater"):
        read_raters(b"x\n", name="f")


def test_ratings_from_elsewhere_are_read_or_refused() -> None:
    data = b"WorkerId,text,condition,value\nA1, t1 ,x,4\nA2,t1,x,nan\n"
    with pytest.raises(ValueError, match="lacks the column rater"):
        read_answers(data, name="f")
    with pytest.raises(ValueError, match="value of f, line 3 is 'nan'"):
        read_answers(data, name="f", rename={"rater": "WorkerId"})
    found = read_answers(data.replace(b"nan", b"7"), name="f", rename={"rater": "WorkerId"})
    assert [(a.rater, a.text, a.question, a.value) for a in found] == [
        ("A1", "t1", "rating", 4.0), ("A2", "t1", "rating", 7.0),
    ]  # fmt: skip


def test_a_spreadsheet_runs_no_cell() -> None:
    data = to_csv([Rater("=cmd()", simulated=True)], Rater)
    assert data.splitlines()[1].startswith(b"'=cmd(),completed,0,1")


def test_a_document_is_escaped_in_both_forms() -> None:
    blocks = [Heading("A <b>", 1), Paragraph("x | <script>", warning=True), Table(("a",), [("|",)])]
    assert "<script>" not in to_html(blocks, title="<t>")
    assert "<title>&lt;t&gt;" in to_html(blocks, title="<t>")
    assert (
        to_markdown(blocks) == "# A &lt;b>\n\n> **x \\| &lt;script>**\n\n| a |\n| --- |\n| \\| |\n"
    )


@pytest.mark.parametrize("data", [b"rater,text\r1,2\r", b"rater,text\n" + b'"' + b"x" * 200_000])
def test_a_table_that_csv_cannot_read_is_one_line(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"f is not CSV that can be read|f lacks the column"):
        read_answers(data, name="f")


def test_scales_of_other_people_are_told_apart_and_must_fit(tmp_path: Path) -> None:
    rows = [
        Answer(f"r{i % 4}", f"t{i % 6}", "ab"[i % 2], question, float(i % 5))
        for i in range(24)
        for question in ("a/b", "a-b")
    ]
    write_report(analyse(rows), rows, [], tmp_path)
    assert len(list((tmp_path / "figures").glob("*means.svg"))) == 2
    for value in (-3.0, 101.0):
        with pytest.raises(ValueError, match="on a scale within 0 to 100"):
            analyse([*rows, Answer("r", "t", "a", "a/b", value)])


def test_where_contrast_and_model_differ_the_report_says_which_counts(
    study: Study, tmp_path: Path
) -> None:
    rows = ratings(study)
    result = analyse(rows, study=study)
    (scale,) = result.scales
    assert scale.linear is not None
    first = scale.differences[0]
    assert (first.contrast.lower, scale.linear.conditions[:2]) == ("355M", ("355M", "774M"))
    warned = "774M - 355M: the registered contrast shows none: it may be 0; the linear model shows"
    cases = ((0.2, 0.1, True), (0.01, 0.1, False), (0.2, -0.1, False), (float("nan"), 0.1, False))
    for holm, low, differ in cases:
        effect = replace(scale.linear.effects[0], value=0.7, low=low, high=1.2)
        linear = replace(scale.linear, effects=(effect, *scale.linear.effects[1:]))
        own = [replace(first, p=holm, holm=holm), *scale.differences[1:]]
        changed = replace(scale, linear=linear, differences=own)
        write_report(replace(result, scales=(changed,)), rows, raters_of(rows), tmp_path)
        for name in ("report.md", "report.html"):
            said = (tmp_path / name).read_text(encoding="utf-8")
            assert "This is the registered primary analysis" in said
            assert "Mixed models (secondary)" in said
            assert "here 8 raters" in said
            assert (warned in said) == differ, (holm, low)


def test_without_registered_contrasts_the_models_are_called_exploratory(tmp_path: Path) -> None:
    rows = [
        Answer(f"r{i % 6}", f"t{i % 8}", "ab"[i % 2], "q", float((3 * i + i // 7) % 5))
        for i in range(48)
    ]
    write_report(analyse(rows), rows, [], tmp_path)
    said = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "No contrast was registered: these differences are exploratory." in said
    assert "registered primary analysis" not in said
