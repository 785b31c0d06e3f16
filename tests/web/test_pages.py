"""Every page in a real browser. Skipped only where no Chromium is installed."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator

import pytest

from hallmark.lm.continuous import Schedule
from hallmark.lm.sampling import SamplingParams, document_seed
from hallmark.models.sizes import BUNDLED

HUMAN = (BUNDLED / "texts" / "human.txt").read_text(encoding="utf-8")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SCRIPT = "<script>document.title='broken'</script><img src=x onerror=alert(1)><b>bold</b> "
PHONE = {"width": 360, "height": 740}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, url) -> Iterator[object]:
    """A fresh tab that fails the test on an error, or on a request to anywhere else."""
    context = browser.new_context(base_url=url)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    page.on("request", lambda r: r.url.startswith((url, "blob:")) or wrong.append(r.url))
    yield page
    context.close()
    assert wrong == []


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
    page.fill("#text", "Maybe tomorrow.")
    page.click("#go")
    assert page.locator(".band strong").inner_text() == "Cannot tell"
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
    with page.expect_download() as saved:
        page.click("#csv")
    csv = saved.value.path().read_text(encoding="utf-8")
    assert csv.splitlines()[0].startswith('"name","error","band"')
    assert '"\'=b.jsonl, 1"' in csv
    with page.expect_download() as saved:
        page.click("#json")
    assert len(json.loads(saved.value.path().read_text(encoding="utf-8"))) == 4


def test_html_in_a_text_is_shown_as_text(page):
    for path in ("/detect", "/inspect"):
        page.goto(path)
        page.fill("#text", SCRIPT * 20)
        page.click("#go")
        page.locator(".band, #tokens span").first.wait_for()
        assert page.title() != "broken"
        assert page.locator("#tokens b, #tokens img, #result img").count() == 0
    assert SCRIPT * 20 == page.locator("#tokens").evaluate("e => e.textContent")


def test_a_row_shows_the_bound_on_the_claim_it_makes(page, judge, tmp_path):
    path = tmp_path / "human.txt"
    path.write_text(HUMAN, encoding="utf-8")
    page.goto("/detect")
    page.set_input_files("#files", [path, path])
    row = page.locator("#rows tr.pick").first
    verdict = judge.judge([HUMAN])[0]
    assert verdict.band == "likely human"
    shown = row.locator("td").nth(3).inner_text()
    assert shown == f"{100 * verdict.false_negative_rate:.1f} %"


def test_a_table_of_many_rows_is_judged_to_its_end(page, tmp_path):
    path = tmp_path / "many.csv"
    path.write_text("text\n" + "Maybe tomorrow.\n" * 70, encoding="utf-8")
    page.goto("/detect")
    page.set_input_files("#files", path)
    page.locator("#csv:not([disabled])").wait_for()
    assert page.locator("#rows tr.pick").count() == 70
    assert page.locator("#batch-title").inner_text() == "70 texts"
    assert page.locator("#rows [aria-selected=true]").count() == 1


def test_tokens_are_coloured_by_rank_and_explained(page, model):
    page.goto("/inspect")
    page.fill("#text", HUMAN[:700])
    page.click("#go")
    page.locator("#tokens span").first.wait_for()
    scores = model.score([HUMAN[:700]])[0]
    assert page.locator("#tokens span").count() == len(scores.tokens)
    assert page.locator("#tokens .b0").count() == int((scores.rank <= 10).sum())
    assert page.locator("#tokens .b3").count() == int((scores.rank > 1000).sum())
    page.locator("#tokens span").nth(5).hover()
    assert f"{scores.rank[5]:,}" in page.locator("#tip").inner_text()
    page.locator("#tokens").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#tip").is_visible()
    assert page.locator("svg.bars").count() == 3
    page.click("#by-sentence")
    assert page.locator("#sentences tbody tr").count() > 4
    assert "not proof" in page.locator("#found").inner_text()


PROMPT = "The history of the city begins"


def long_seed(model, tokens: int) -> str:
    """A seed whose text does not end before so many tokens."""
    params = SamplingParams(max_tokens=tokens, top_k=40)
    for seed in range(50):
        own = [document_seed(seed, "", "", 0)]
        if len(model.generate([PROMPT], params, seeds=own)[0].tokens) == tokens:
            return str(seed)
    raise AssertionError("every text ends early")


def test_a_text_streams_and_shows_its_alternatives(page, model):
    page.goto("/write")
    page.fill("#seed", long_seed(model, 60))
    assert page.locator("[data-preset=k40][aria-pressed=true]").count() == 1
    page.fill("#max_tokens", "60")
    page.click("#go")
    page.locator("#out [data-i]").nth(40).wait_for()
    page.locator("#go:not([disabled])").wait_for()
    assert page.locator("#out").evaluate("e => e.textContent").startswith(PROMPT)
    page.locator("#out [data-i]").nth(9).hover()
    assert "drawn at" in page.locator("#tip").inner_text()
    assert page.locator("#tip tr").count() == 6
    page.click("[data-preset=greedy]")
    assert page.input_value("#temperature") == "0"


def test_stop_stops(page, model, monkeypatch):
    real = Schedule.one_pass

    def slow(self):
        time.sleep(0.02)
        return real(self)

    monkeypatch.setattr(Schedule, "one_pass", slow)
    page.goto("/write")
    page.fill("#seed", long_seed(model, 200))
    page.click("#go")
    page.locator("#out [data-i]").nth(3).wait_for()
    page.click("#stop")
    page.locator("#go:not([disabled])").wait_for()
    assert page.locator("#out [data-i]").count() < 200
    assert page.locator("#problem").is_hidden()


def test_a_game_is_played_to_its_end(page):
    page.goto("/learn")
    for _ in range(6):
        page.click("#next")
        page.locator("#sentences button").nth(2).click()
        assert page.locator("#feedback").inner_text()
    assert "with it" in page.locator("#feedback").inner_text()
    assert page.locator("#wrong-share").inner_text() == "83 %"
    page.locator("#rare").fill("500")
    assert page.locator("#wrong-share").inner_text() == "5 %"


@pytest.mark.parametrize("path", ["/detect", "/inspect", "/write", "/learn"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone_and_every_control_has_a_name(page, path, scheme):
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme=scheme)
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.locator("main h1").count() == 1
    named = "e => [...e].every(x => x.labels?.length || x.ariaLabel || x.innerText)"
    assert page.locator("main :is(button, textarea, input:not([hidden]))").evaluate_all(named)


def test_a_locked_service_asks_for_its_key(browser, running, model, judge):
    with running(model, judge, key="k" * 20) as (url, _):
        page = browser.new_context(base_url=url).new_page()
        page.goto("/detect")
        page.fill("#text", "Short.")
        page.click("#go")
        page.fill("#key input", "k" * 20)
        page.click("#key button.main")
        assert page.locator(".band strong").inner_text() == "Cannot tell"
        page.context.close()
