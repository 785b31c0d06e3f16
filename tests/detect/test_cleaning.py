"""What is repaired, what is left alone, and which texts are called tampered with."""

# ruff: noqa: RUF001
from __future__ import annotations

import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallmark.detect.cleaning import clean
from hallmark.detect.lookalikes import LATIN, SURE

PLAIN = "The ship left the harbour in the morning, and the crew said nothing about a coxswain. " * 3
LOOKALIKES: dict[str, list[str]] = {}
for _own, _latin in SURE.items():
    LOOKALIKES.setdefault(_latin, []).append(_own)


def disguise(text: str) -> str:
    """Every letter that has a look-alike swapped for one."""
    draw = random.Random(0)
    return "".join(draw.choice(LOOKALIKES.get(c, [c])) for c in text)


@pytest.mark.parametrize(
    ("attack", "kind"),
    [
        (disguise, "homoglyphs"),
        ("\u200b".join, "invisible"), ("\u2060".join, "invisible"), ("\u200d".join, "invisible"),
        ("\ufe0f".join, "invisible"), ("\u200b\u00ad".join, "invisible"),
        (lambda t: "\u200b".join(disguise(t)), "homoglyphs"),
        (lambda t: t.replace(" the ", " \u202ethe\u202c "), "direction"),
        (lambda t: t.replace("h", "\u200eh"), "invisible"),
    ],
)  # fmt: skip
def test_an_attack_is_undone_and_seen(attack, kind: str) -> None:
    cleaned = clean(attack(PLAIN))
    assert cleaned.text == PLAIN
    assert cleaned.tampered
    assert cleaned.repairs[kind] >= 6


def test_extra_blanks_are_folded_and_prove_nothing() -> None:
    cleaned = clean(PLAIN.replace(" ", "   "))
    assert cleaned.text == PLAIN.replace(".  ", ". ").rstrip(" ") + "   "
    assert not cleaned.tampered
    assert cleaned.repairs["spaces"] > 20


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        "def f(x):\n    return x\n",
        "“Typographic” quotes – and dashes… it’s naïve, Łódź, Čapek, façade, Ångström, Søren. " * 3,
        "Tiếng Việt có nhiều dấu thanh điệu khác nhau trong mỗi từ. " * 3,
        "Все счастливые семьи похожи друг на друга, а сор и он остались. " * 3,
        "The word сор means litter in Russian, and соха a plough; а is a letter. " * 3,
        "The Ministry (Министерство) said Москва and Санкт-Петербург wait. " * 3,
        "Όλες οι ευτυχισμένες οικογένειες μοιάζουν μεταξύ τους. Νίκη και ΝΙΚΗ. " * 3,
        "TNFα and IFNγ bind NFκB; PPARγ, αGal, Δx and μm are units, νe a neutrino. " * 5,
        "می‌خواهم کتاب‌ها را بخوانم و نمی‌دانم چرا. " * 3,
        "क्‍ष और र्‍य हिन्दी में संयुक्त अक्षर हैं। " * 3,
        "Done 👩‍👩‍👧‍👦 and 👍🏽 to the 🏴󠁧󠁢󠁥󠁮󠁧󠁿 team ❤️ in 🏳️‍🌈 shirts. " * 3,
        "日本語のテキスト、漢字とかな。ｶﾀｶﾅ " * 3,
        "ภาษาไทย\u200bไม่มี\u200bช่องว่าง " * 3,
        "Armenian is Հայերեն and Georgian is ქართული in their own letters. " * 3,
        "The cat [kʰæt] and the good dog [ɡʊd dɑɡ] in phonetic letters. " * 3,
    ],
)  # fmt: skip
def test_an_innocent_text_is_left_alone(text: str) -> None:
    cleaned = clean(unicodedata.normalize("NFC", text))
    assert cleaned.text == unicodedata.normalize("NFC", text)
    assert not cleaned.tampered
    assert cleaned.repairs == {}


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("hy\u00adphen\u00adation and opera\u00adtion " * 9, "hyphenation and operation "),
        ("\ufeffA file joined\ufeff of \ufeffparts. " * 9, "A file joined of parts. "),
        ("Price\u00a0of\u202f5\u2009km " * 9, "Price of 5 km "),
        ("cafe\u0301 re\u0301sume\u0301 " * 9, "café résumé "),
        ("𝗕𝗼𝗹𝗱 𝘸𝘰𝘳𝘥𝘴 and ｗｉｄｅ ones, the 𝑛th " * 9, "Bold words and wide ones, the nth "),
        ("see https://\u200bexample.org/\u200bpath/\u200bpage\u200b now " * 9,
         "see https://example.org/path/page now "),
    ],
)  # fmt: skip
def test_what_fonts_and_pages_leave_is_mended_and_proves_nothing(text: str, repaired: str) -> None:
    cleaned = clean(text)
    assert cleaned.text == repaired * 9
    assert not cleaned.tampered


def test_marks_of_direction_in_a_text_of_two_directions_prove_nothing() -> None:
    text = "שלום \u200fand\u200e hello in one line, \u202bעברית\u202c as \u202ewell\u202c. " * 9
    assert not clean(text).tampered


def test_a_slip_of_the_keyboard_is_mended_and_proves_nothing() -> None:
    cleaned = clean(PLAIN + "The сity of Кyiv.")
    assert cleaned.text == PLAIN + "The city of Kyiv."
    assert (cleaned.repairs, cleaned.tampered) == ({"homoglyphs": 2}, False)


def test_a_word_of_look_alikes_is_latin_only_where_the_text_is_disguised() -> None:
    assert clean("Тhе сор sаw а саt.").text == "The cop saw a cat."
    russian = "Тhе сор sаw а саt. Это сор, говорит он."
    assert clean(russian).text.endswith("Это сор, говорит он.")


def test_few_hidden_characters_in_a_long_text_prove_nothing() -> None:
    few = PLAIN.replace("morning", "mor\u200bning")
    assert clean(few).tampered
    assert not clean(few + PLAIN * 10).tampered


@given(st.text(max_size=200))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text).text
    assert clean(once).text == once


@given(st.text(alphabet=st.characters(codec="latin-1", exclude_characters="\u00ad\u00a0")))
def test_nothing_in_latin_1_is_tampered_with(text: str) -> None:
    assert not clean(text).tampered


def test_the_table_holds_no_latin_letter() -> None:
    assert all("LATIN" not in unicodedata.name(own) for own in LATIN)
    assert all(latin.isascii() and len(latin) == 1 for latin in LATIN.values())
