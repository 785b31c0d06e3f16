"""The Detect page in a real browser: one text, many, and the prior that holds for all of them."""

from __future__ import annotations

import csv
import io
import json

import pytest

from hallmark.models.sizes import BUNDLED

HUMAN = (BUNDLED / "texts" / "human.txt").read_text(encoding="utf-8")
SHORT = "Maybe tomorrow."


def named(**texts: str) -> list[dict[str, object]]:
    """Files to choose: each text under its name."""
    return [
        {"name": f"{name}.txt", "mimeType": "text/plain", "buffer": text.encode()}
        for name, text in texts.items()
    ]


def download(page, button: str) -> str:
    with page.expect_download() as saved:
        page.click(button)
    return saved.value.path().read_text(encoding="utf-8")


def judged(page, files: object) -> None:
    """Choose files, and wait until all are judged."""
    page.set_input_files("#files", files)
    page.locator("#csv:not([disabled])").wait_for()


def test_a_text_is_judged_and_the_slider_moves_the_probability(page, judge):
    page.goto("/")
    page.fill("#text", HUMAN)
    page.click("#go")
    verdict = judge.judge([HUMAN])[0]
    assert page.locator(".band strong").inner_text().lower() == verdict.band
    bound = verdict.false_negative_n  # that of the band which it is given
    assert verdict.band == "likely human"
    assert f"n = {bound}" in page.locator("#result").inner_text()
    before = page.locator("#probability").inner_text()
    page.locator("#prior").fill("0")
    assert page.locator("#probability").inner_text() != before
    assert "0.1 %" in page.locator("#result").inner_text()
    assert page.locator("#wrong").is_visible()
    assert "written by" not in page.content().lower()
    assert "ai-written" not in page.content().lower()


def test_an_abstention_is_an_answer(page):
    page.goto("/detect")
    page.fill("#text", SHORT)
    page.click("#go")
    assert page.locator(".band strong").inner_text() == "Cannot tell"
    assert "this text gives no ground for a claim" in page.locator("#looks").inner_text()
    assert "tokens" in page.locator("#result").inner_text()
    assert page.locator("#probability").count() == 0


def test_files_become_a_table_that_can_be_saved(page):
    page.goto("/detect")
    lines = "".join(json.dumps({"text": t}) + "\n" for t in (HUMAN, "=SUM(A1)"))
    files = [
        {"name": "a.txt", "mimeType": "text/plain", "buffer": HUMAN.encode()},
        {"name": "=b.jsonl", "mimeType": "application/json", "buffer": lines.encode()},
        {"name": "c.exe", "mimeType": "application/octet-stream", "buffer": b"MZ"},
    ]
    page.set_input_files("#files", files)
    page.locator("#rows tr").nth(3).wait_for()
    assert page.locator("#rows tr").count() == 4
    assert "Not read" in page.locator("#rows tr").nth(3).inner_text()
    page.locator("#rows tr.pick").nth(2).click()
    assert page.locator(".band strong").inner_text() == "Cannot tell"
    text = download(page, "#csv")
    assert text.splitlines()[0].startswith('"name","error","band"')
    assert '"\'=b.jsonl, 1"' in text
    assert len(json.loads(download(page, "#json"))) == 4


def test_a_row_shows_the_bound_on_the_claim_it_makes(page, judge, tmp_path):
    path = tmp_path / "human.txt"
    path.write_text(HUMAN, encoding="utf-8")
    page.goto("/detect")
    page.set_input_files("#files", [path, path])
    row = page.locator("#rows tr.pick").first
    verdict = judge.judge([HUMAN])[0]
    assert verdict.band == "likely human"
    assert row.locator("td").nth(3).inner_text() == "—"  # it makes no claim against human texts
    assert row.locator("td").nth(4).inner_text() == f"{100 * verdict.false_negative_rate:.1f} %"
    head = page.locator("#batch thead th").nth(4).inner_text()
    assert " ".join(head.split()).startswith("Of synthetic texts, missed: at most")


def test_a_table_of_many_rows_is_judged_to_its_end(page, tmp_path):
    path = tmp_path / "many.csv"
    path.write_text("text\n" + f"{SHORT}\n" * 70, encoding="utf-8")
    page.goto("/detect")
    page.set_input_files("#files", path)
    page.locator("#csv:not([disabled])").wait_for()
    assert page.locator("#rows tr.pick").count() == 70
    assert page.locator("#batch-title").inner_text() == "70 texts"
    assert page.locator("#rows [aria-selected=true]").count() == 1


def test_panel_table_and_files_all_follow_the_prior(page, judge):
    """Each is what the library says at that prior, though the texts are read only once."""
    page.goto("/detect")
    judged(page, named(human=HUMAN, short=SHORT))
    asked: list[str] = []
    page.on("request", lambda r: None if r.url.startswith("blob:") else asked.append(r.url))
    for prior in (0.01, 0.5, 0.99):
        page.fill("#prior-percent", f"{100 * prior:g}")
        expected = judge.judge([HUMAN, SHORT], prior=prior)
        likely = [v.probability if v.band != "cannot tell" else None for v in expected]
        head = page.locator("#batch thead").inner_text()
        assert f"at a prior of {100 * prior:g} %" in " ".join(head.split())
        cells = [page.locator(f"#rows tr:nth-child({i}) td").all_inner_texts() for i in (1, 2)]
        assert [row[1] for row in cells] == [str(v.band) for v in expected]
        assert [row[2] for row in cells] == page.evaluate("shares => shares.map(percent)", likely)
        if likely[0] is not None:
            assert page.locator("#probability").inner_text() == cells[0][2]
        rows = list(csv.DictReader(io.StringIO(download(page, "#csv"))))
        records = json.loads(download(page, "#json"))
        for row, record, verdict, p in zip(rows, records, expected, likely, strict=True):
            assert float(row["prior"]) == record["prior"] == prior
            assert row["band"] == record["band"] == verdict.band
            assert record["probability"] == (p if p is None else pytest.approx(p))
            kept = row["probability"]
            assert (float(kept) if kept else None) == record["probability"]
    assert asked == []


def test_slider_and_box_follow_each_other(page):
    page.goto("/detect")
    judged(page, named(human=HUMAN, short=SHORT))
    page.locator("#prior").fill("3")
    assert page.input_value("#prior-percent") == "1"
    assert "1 %" in page.locator("#batch thead").inner_text()
    page.fill("#prior-percent", "97")
    assert page.input_value("#prior") == "12"  # 95 % is the nearest step
    assert "97 %" in page.locator("#batch thead").inner_text()
    page.fill("#prior-percent", "0")  # which is no prior: the last one stays
    assert "97 %" in page.locator("#batch thead").inner_text()
    page.locator("summary").click()  # leaving the box must not take the click away
    assert page.input_value("#prior-percent") == "97"
    assert page.locator("table.numbers").is_visible()


def test_a_prior_can_outweigh_a_score_and_nothing_needs_a_number(page):
    page.goto("/detect")
    weighed = (
        "([band, likelihood_ratio, p]) => weighed({band, likelihood_ratio, probability: null}, p)"
    )
    for band, ratio, prior, expected in (
        ("likely synthetic", 20, 0.01, None), ("likely synthetic", 20, 0.5, 20 / 21),
        ("likely human", 0.05, 0.99, None), ("likely human", 0.05, 0.5, 1 / 21),
        ("cannot tell", 3, 0.5, None), ("cannot tell", None, 0.5, None),
    ):  # fmt: skip
        view = page.evaluate(weighed, [band, ratio, prior])
        assert view["band"] == (band if expected else "cannot tell")
        assert view["probability"] == (pytest.approx(expected) if expected else None)
        assert view["prior"] == prior
    outweighed = page.evaluate(weighed, ["likely synthetic", 20, 0.01])["reason"]
    assert "more common in synthetic text, but not by enough where 1 %" in outweighed
    assert outweighed.endswith("the probability that this one is synthetic is 17 %")  # 20 to 99
    assert page.evaluate(weighed, ["likely human", None, 0.01])["probability"] is None


def test_a_new_input_clears_what_was_there(page):
    page.goto("/detect")
    page.fill("#text", HUMAN)
    page.click("#go")
    page.locator("#looks .band").wait_for()
    judged(page, named(one=SHORT, two=HUMAN))
    assert page.input_value("#text") == ""
    assert page.locator("#name").inner_text().lower() == "one.txt"
    page.fill("#text", SHORT)
    for part in ("#batch", "#result", "#rows tr"):
        assert page.locator(part).first.is_hidden()
    page.click("#go")
    page.locator("#looks .band").wait_for()
    assert page.locator("#batch").is_hidden()
    assert page.locator("#name").is_hidden()


def test_an_answer_to_an_earlier_input_is_not_shown(page):
    page.goto("/detect")
    held: list[object] = []
    page.route("**/api/detect", lambda route: held.append(route))
    with page.expect_request("**/api/detect"):
        page.set_input_files("#files", named(one=HUMAN, two=SHORT))
    page.fill("#text", SHORT)
    page.locator("#go:not([disabled])").wait_for()
    assert page.locator("#batch").is_hidden()
    assert page.locator("#problem").is_hidden()
    page.unroute("**/api/detect")
    page.click("#go")
    assert page.locator(".band strong").inner_text() == "Cannot tell"
    assert page.locator("#batch").is_hidden()


def test_a_run_that_is_given_up_does_not_free_the_button(page):
    page.goto("/detect")
    held: list[object] = []
    page.route("**/api/detect", lambda route: held.append(route))
    page.fill("#text", SHORT)
    with page.expect_request("**/api/detect"):
        page.click("#go")
    with page.expect_event("requestfailed"):  # the first, aborted by the second
        page.click("#example")
    page.wait_for_timeout(100)
    assert len(held) == 2
    assert page.locator("#go.busy").is_disabled()
    held[1].continue_()
    page.locator("#go:not([disabled])").wait_for()
    assert page.locator("#looks .band").is_visible()
    assert page.locator("#problem").is_hidden()


def test_the_two_rates_have_names_and_are_explained_by_keyboard(page):
    page.goto("/detect")
    judged(page, named(human=HUMAN, short=SHORT))
    names = page.locator("#details dt").all_inner_texts()
    assert len(names) == len(set(names))
    assert "error rate" not in page.locator("main").inner_text().lower()
    for button, told in (("th >> nth=3", "all human texts"), ("th >> nth=4", "all synthetic")):
        page.locator(f"#batch {button}").locator("button").focus()
        page.keyboard.press("Enter")
        told_in = page.locator("[popover]:popover-open")
        assert told in told_in.inner_text()
        page.keyboard.press("Escape")
        assert told_in.count() == 0
    for target in page.locator("[popovertarget]").evaluate_all(
        "e => e.map(x => x.popoverTargetElement?.id)"
    ):
        assert target


def test_all_numbers_are_a_table_with_units_and_can_be_saved(page, judge):
    page.goto("/detect")
    page.fill("#text", HUMAN)
    page.click("#go")
    page.locator("summary").click()
    table = page.locator("table.numbers").inner_text()
    assert "nats" in table
    assert "{" not in table
    verdict = judge.judge([HUMAN])[0]
    assert f"Tokens read\ntokens\t{verdict.tokens_used}" in table.replace("\n\t", "\t")
    saved = json.loads(download(page, "#details button.quiet"))
    assert saved["false_negative_n"] == verdict.false_negative_n


def test_numbers_below_ten_and_above_99_keep_one_decimal(page):
    page.goto("/detect")
    shares = [0.095, 0.0304, 0.0997, 0.05, 0, 0.4249, 1, 0.0001, None]
    shown = page.evaluate("shares => shares.map(percent)", shares)
    assert shown == ["9.5 %", "3.0 %", "10 %", "5.0 %", "0 %", "42 %", "100 %", "< 0.1 %", "—"]
    shown = page.evaluate("shares => shares.map(percent)", [219 / 220, 0.999, 0.9996, 0.99, 0.984])
    assert shown == ["99.5 %", "99.9 %", "> 99.9 %", "99 %", "98 %"]
    words = page.evaluate("[1.04, 60.2, 132, 1 / 132, 5000].map(ratioWords)")
    assert [w.partition(" times")[0] for w in words] == ["1.0", "60", "130", "130", "over 1,000"]
    assert page.evaluate("[9.5, 49.5, 10, 1833.4].map(expected)") == ["9.5", "49.5", "10", "1,833"]


def test_numbers_that_are_null_nested_or_new_are_shown_in_words(page, client):
    answer = client.post("/api/detect", json={"text": HUMAN}).json()
    answer["verdicts"][0] |= {
        "band": "cannot tell", "probability": None, "likelihood_ratio": None, "flags": None,
        "repairs": {"homoglyphs": 3}, "something_new": 7,
        "calibration": {"sha256": "ab12", "target_fpr": 0.01, "dates": "2021"},
    }  # fmt: skip
    page.goto("/detect")
    page.route("**/api/detect", lambda route: route.fulfill(json=answer))
    page.fill("#text", HUMAN)
    page.click("#go")
    page.locator("summary").click()
    rows = page.locator("table.numbers tbody tr").all_inner_texts()
    words = [" ".join(row.split()) for row in rows]
    assert "Probability synthetic at this prior —" in words
    assert "Repairs homoglyphs characters 3" in words
    assert "Something new 7" in words
    assert "Certificate on texts of your own SHA-256 ab12" in words
    (asked,) = [row for row in words if row.startswith("It asks: of human texts, flagged")]
    assert asked.endswith(" 1 %")
    assert page.locator("#weigh").is_hidden()  # no prior changes what is not claimed
