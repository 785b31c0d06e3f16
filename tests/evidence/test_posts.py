"""Links, templates and times of posts."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from hallmark.evidence.posts import Post, link_key, post_of, seconds, template


def test_spellings_of_a_link_have_one_key() -> None:
    text = "see https://www.Site.org/A/?utm=1#x and http://site.org/A."
    one, other = Post("1", "a", 0, text).links
    assert one == other == "site.org/A"
    assert link_key("http://site.org/a") != link_key("http://site.org/A")


def test_a_template_hides_what_is_filled_in() -> None:
    one = template("Hi @ann, win 1,000 at https://a.org/x now")
    assert one == template("Hi @bob, win 25 at www.b.com/y now")
    assert one == "Hi @, win 0 at http: now"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (12, 12.0), (1.5, 1.5), ("12", 12.0), ("1970-01-01", 0.0),
        ("1970-01-01T01:00:00+01:00", 0.0), (datetime(1970, 1, 2), 86400.0),
        (datetime(1970, 1, 2, tzinfo=UTC), 86400.0),
    ],
)  # fmt: skip
def test_times_are_seconds_of_utc(value: object, wanted: float) -> None:
    assert seconds(value, where="it") == wanted


@pytest.mark.parametrize("value", [True, math.nan, "nan", [], "tomorrow", 10**400])
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="no time"):
        seconds(value, where="it")


def test_a_post_may_lack_what_is_not_needed() -> None:
    found = post_of({"account": 7, "time": "0", "text": "x"}, where="here", number=4)
    assert (found.id, found.account, found.name) == ("4", "7", "")
    assert math.isnan(found.created)
