"""Inspect, Write and Learn in a real browser, and what all pages have in common."""

from __future__ import annotations

import time

import pytest

from hallmark.lm.continuous import Schedule
from hallmark.lm.sampling import SamplingParams, document_seed
from hallmark.models.sizes import BUNDLED

HUMAN = (BUNDLED / "texts" / "human.txt").read_text(encoding="utf-8")
SCRIPT = "<script>document.title='broken'</script><img src=x onerror=alert(1)><b>bold</b> "
PHONE = {"width": 360, "height": 740}


def test_html_in_a_text_is_shown_as_text(page):
    for path in ("/detect", "/inspect"):
        page.goto(path)
        page.fill("#text", SCRIPT * 20)
        page.click("#go")
        page.locator(".band, #tokens span").first.wait_for()
        assert page.title() != "broken"
        assert page.locator("#tokens b, #tokens img, #result img").count() == 0
    assert SCRIPT * 20 == page.locator("#tokens").evaluate("e => e.textContent")


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
    counts = page.locator("#sentences tbody td:nth-child(2)").all_inner_texts()
    assert sum(map(int, counts)) == len(scores.tokens)  # each token is in one sentence
    assert "not proof" in page.locator("#found").inner_text()
    statistics = page.locator("#statistics").inner_text()
    assert f"{scores.rank.mean():,.0f} (1 is the likeliest)" in statistics  # no rank is negative
    assert f"\N{MINUS SIGN}{-scores.log_prob.mean():.2f} nats" in statistics
    assert f"{scores.entropy.mean():.2f} nats" in statistics
    page.fill("#text", "Another text.")
    assert page.locator("#found").is_hidden()


@pytest.mark.parametrize("dots", ["...\n\n. . . ", "..."])
def test_every_token_is_in_a_sentence(page, model, dots):
    text = dots if dots == "..." else f"{dots}It began so. . . Then it ended.\n..."
    page.goto("/inspect")
    page.fill("#text", text)
    page.click("#go")
    page.click("#by-sentence")
    counts = page.locator("#sentences tbody td:nth-child(2)").all_inner_texts()
    assert sum(map(int, counts)) == len(model.score([text])[0].tokens)
    shown = "".join(page.locator("#sentences tbody td:nth-child(1)").all_inner_texts())
    assert "".join(shown.split()) == "".join(text.split())


def test_tokens_of_an_earlier_text_are_not_shown(page):
    page.goto("/inspect")
    held: list[object] = []
    page.route("**/api/score", lambda route: held.append(route))

    def answered(route: object) -> None:
        with page.expect_response("**/api/score"):
            route.continue_()
        page.wait_for_timeout(100)

    page.fill("#text", "An earlier text.")
    with page.expect_request("**/api/score"):
        page.click("#go")
    page.fill("#text", "Another text.")  # edited while it is read
    answered(held[0])
    assert page.locator("#go:not([disabled])").count() == 1
    assert page.locator("#found").is_hidden()
    with page.expect_request("**/api/score"):
        page.click("#go")
    with page.expect_request("**/api/score"):
        page.click("#example")  # another while it is read: answered out of turn
    example = page.input_value("#text")
    answered(held[2])
    answered(held[1])
    assert page.locator("#tokens").evaluate("e => e.textContent") == example


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


@pytest.mark.parametrize("sentences", [30, 31, 200, 20])
def test_passages_of_a_game_are_disjoint(page, sentences):
    page.goto("/learn")
    games = page.evaluate("n => Array.from({ length: 200 }, () => passagesOf(n))", sentences)
    for game in games:
        taken = [i for begin, end in game for i in range(begin, end)]
        assert len(taken) == len(set(taken))
        assert set(taken) <= set(range(sentences))
        assert all(2 <= end - begin <= 5 for begin, end in game)
    assert any(game != sorted(game) for game in games)
    assert page.evaluate("human.length") >= 12  # two a round


def test_a_game_is_played_to_its_end(page):
    page.goto("/learn")
    read: list[str] = []
    for _ in range(6):
        page.click("#next")
        page.locator("#sentences button").nth(2).wait_for()
        read += page.locator("#sentences button").all_inner_texts()
        page.locator("#sentences button").nth(2).click()
        assert page.locator("#feedback").inner_text()
    assert "with it" in page.locator("#feedback").inner_text()
    assert page.locator("#next").inner_text() == "Play again"
    assert len(read) == len(set(read))  # whose a sentence is, is told after each round
    page.click("#next")
    page.locator("#round", has_text="Text 1 of 6").wait_for()
    assert page.locator("#tally").inner_text() == ""  # a new game has no score
    page.locator("#sentences button").nth(2).click()
    assert page.locator("#tally").inner_text() in ("0 of 1 right", "1 of 1 right")


def test_what_accuracy_is_worth_is_counted_exactly_and_drawn_as_told(page):
    page.goto("/learn")
    assert page.locator("#wrong-share").inner_text() == "84 %"  # 49.5 of 59
    assert "9.5 right, 49.5 wrong; 0.5 missed" in page.locator("#wrong-words").inner_text()
    filled = "e => [...e].filter(x => getComputedStyle(x).backgroundColor !== 'rgba(0, 0, 0, 0)')"
    assert page.locator("#dots i").evaluate_all(f"e => ({filled})(e).length") == 60
    assert page.locator("#dots .hit, #dots .false").count() == 60
    page.locator("#rare").fill("500")
    assert page.locator("#wrong-share").inner_text() == "5.0 %"
    assert page.input_value("#rare-number") == "500"
    page.fill("#right-percent", "99")
    assert page.input_value("#right") == "990"
    assert "right for 99 %" in page.locator("main").inner_text()


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
