"""Text as it grows: whole characters, and stop strings wherever the tokens are cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from hallmark.lm.stream import TextStream


def fed(data: bytes, cuts: list[int], stop: tuple[str, ...]) -> tuple[list[str], TextStream]:
    """The pieces shown and the stream after all of `data`, cut at `cuts`."""
    stream = TextStream(stop)
    edges = [0, *sorted(c % (len(data) + 1) for c in cuts), len(data)]
    pieces = [stream.feed(data[a:b]) for a, b in pairwise(edges)]
    pieces.append(stream.feed(b"", final=True))
    return pieces, stream


def expected(data: bytes, stop: tuple[str, ...]) -> tuple[str, bool]:
    """The text cut before the stop string that ends first, found in the whole text."""
    text = data.decode("utf-8", errors="replace")
    found = [(text.find(s) + len(s), text.find(s)) for s in stop if s in text]
    return (text[: min(found)[1]], True) if found else (text, False)


TEXT = st.text(st.sampled_from("ab\n é🙂中"), max_size=30).map(str.encode)
ANY_BYTES = st.binary(max_size=20)
STOPS = st.lists(st.text(st.sampled_from("ab\né🙂"), min_size=1, max_size=4), max_size=3)


@given(st.one_of(TEXT, ANY_BYTES), st.lists(st.integers(0, 200), max_size=12), STOPS.map(tuple))
@settings(max_examples=600, deadline=None)
def test_pieces_join_to_the_text_however_it_was_cut(data, cuts, stop):
    pieces, stream = fed(data, cuts, stop)
    text, stopped = expected(data, stop)
    assert stream.text == text
    assert stream.stopped == stopped
    assert "".join(pieces) == text


def test_a_character_is_shown_when_its_last_byte_is_there():
    stream = TextStream()
    assert [stream.feed(bytes([b])) for b in "aé🙂".encode()] == ["a", "", "é", "", "", "", "🙂"]
    assert stream.feed(b"\xf0\x9f") == ""
    assert stream.feed(b"", final=True) == "\ufffd"


def test_what_may_be_a_stop_string_is_held_until_it_is_none():
    stream = TextStream(("\n\nQ:", "END"))
    shown = [stream.feed(b) for b in (b"one E", b"NTER\n", b"\nQ", b". \n\n", b"Q:rest", b"more")]
    assert shown == ["one ", "ENTER", "", "\n\nQ. ", "", ""]
    assert stream.text == "one ENTER\n\nQ. "
    assert stream.stopped


def test_of_several_stop_strings_the_first_to_end_counts():
    assert fed(b"xabcy", [], ("abcy", "b"))[1].text == "xa"
    assert fed(b"xabcy", [], ("bc", "abc"))[1].text == "x"
