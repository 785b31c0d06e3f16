"""What is turned away as no English prose, and what is not."""

from __future__ import annotations

import json

import pytest

from hallmark.detect.normalise import normalise
from hallmark.detect.scope import WINDOW, out_of_scope, repeated
from hallmark.models.sizes import BUNDLED

KNOWN = frozenset(json.loads((BUNDLED / "detector" / "words.json").read_text(encoding="utf-8")))
HUMAN = (BUNDLED / "texts" / "human.txt").read_text(encoding="utf-8")

FRENCH = (
    "La ville se réveille lentement sous une pluie fine, et les marchands installent leurs étals "
    "sur la place. Une vieille femme compte ses pièces devant le boulanger, qui lui parle de la "
    "récolte et du prix du blé. Plus loin, des enfants courent entre les caisses de pommes. "
)
LATIN = (
    "Urbs antiqua in colle sita est, et cives eius magna cum diligentia agros colunt. Olim rex "
    "quidam, qui populum suum amabat, murum longum circum oppidum aedificare iussit, ne hostes "
    "noctu venirent. "
)
LOREM = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut "
    "labore et dolore magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco "
    "laboris nisi ut aliquip ex ea commodo consequat. Duis aute irure dolor in reprehenderit. "
)
GERMAN = (
    "Die Stadt erwacht langsam unter einem feinen Regen, und die Händler bauen ihre Stände auf "
    "dem Marktplatz auf. Eine alte Frau zählt ihre Münzen vor dem Bäcker, der ihr von der Ernte "
    "erzählt und was der Weizen in diesem Jahr kosten will. "
)
SPANISH = (
    "La ciudad despierta despacio bajo una lluvia fina, y los vendedores montan sus puestos en "
    "la plaza. Una anciana cuenta sus monedas delante del panadero, que le habla de la cosecha y "
    "del precio del trigo. "
)
CHINESE = "城市在细雨中慢慢醒来,商贩们在广场上摆开摊位。一位老妇人在面包师面前数着硬币。" * 4
PYTHON = '''
class Counter:
    """Counts the words of a text."""

    def __init__(self, words):
        self.words = words
        self.counts = {}

    def add(self, word, n=1):
        # the count starts at 0
        self.counts[word] = self.counts.get(word, 0) + n
        return self.counts[word]

def main(argv=None):
    parser = argparse.ArgumentParser(description="count the words of a file")
    parser.add_argument("file", type=Path)
    args = parser.parse_args(argv)
    for word, n in sorted(Counter(args.file.read_text().split()).counts.items()):
        print(f"{n:>8} {word}")
'''
C = """
static int copy_row(const float *from, float *to, size_t width) {
    if (from == NULL || to == NULL) { return -EINVAL; }
    for (size_t i = 0; i < width; i++) {
        to[i] = (from[i] > 0.0f) ? from[i] * scale : 0.0f;  /* the rest is zero */
    }
    return 0;
}
"""
CSV = "date,store,item,units,price\n" + "".join(
    f"2021-{i % 12 + 1:02d}-{i % 28 + 1:02d},North,{['bread', 'milk'][i % 2]},{7 * i % 90},1.{i}\n"
    for i in range(40)
)  # fmt: skip
HTML = (
    '<div class="row"><a href="/shop/list?id=12">All</a><span id="of">2</span></div>'
    '<div class="row"><a href="/shop/item?id=13">New</a><img src="a.png"/></div>'
) * 3
PROSE = (
    "You asked me (twice, I think) what it was like; well, it was cold. The list of what we had "
    "with us: a tent, 3 ropes, one stove [broken], and about 40 tins. I paid $12 for the lot. "
    "See http://example.org/list.html for the rest of it. - Anna"
)


@pytest.mark.parametrize(
    "text", [FRENCH, LATIN, LOREM, GERMAN, SPANISH, CHINESE, CSV],
    ids=["French", "Latin", "lorem", "German", "Spanish", "Chinese", "CSV"],
)  # fmt: skip
def test_other_languages_and_tables_are_no_english(text: str) -> None:
    assert "not running English text" in out_of_scope(normalise(text), KNOWN)


@pytest.mark.parametrize("text", [PYTHON, C, HTML], ids=["Python", "C", "HTML"])
def test_code_is_no_prose(text: str) -> None:
    reason = out_of_scope(normalise(text), KNOWN)
    assert "code or markup" in reason or "not running English" in reason


@pytest.mark.parametrize("text", [HUMAN, PROSE, HUMAN.upper()], ids=["editorial", "mail", "caps"])
def test_prose_is_judged(text: str) -> None:
    assert out_of_scope(normalise(text), KNOWN) == ""


def test_a_ruled_line_is_one_mark() -> None:
    assert out_of_scope(normalise(PROSE + " " + "_" * 200), KNOWN) == ""


def test_a_text_that_repeats_itself() -> None:
    sentence = "The ferry to the island had left, and nobody on the pier could say why. "
    assert "98% of its runs of 8 words" in out_of_scope(normalise(sentence * 60), KNOWN)
    assert out_of_scope(normalise(HUMAN + HUMAN), KNOWN) == ""  # half of it is new


def test_repeated_runs_are_counted() -> None:
    words = [f"w{i}" for i in range(20)]
    assert repeated(words) == 0
    assert repeated(words[: WINDOW - 1]) == 0
    assert repeated(words + words) == pytest.approx(13 / 33)  # 33 runs, 13 of them again


def test_no_words_at_all() -> None:
    assert out_of_scope("", KNOWN)
    assert out_of_scope("1 2 3 4 . . .", KNOWN)
