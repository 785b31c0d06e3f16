"""What accounts share, on posts few enough to count by hand."""

from __future__ import annotations

import math

import numpy as np

from hallmark.evidence import coordination
from hallmark.evidence.accounts import tabulate
from hallmark.evidence.posts import Post

ACCOUNTS = np.array([0, 1, 1, 2, 0, 3])
GROUPS = np.array([0, 0, 2, 0, 4, -1])


def test_a_group_of_enough_accounts_is_shared() -> None:
    assert coordination.shared(ACCOUNTS, GROUPS).tolist() == [1, 1, 0, 1, 0, 0]
    assert coordination.shared(ACCOUNTS, GROUPS, least=4).tolist() == [0] * 6
    flags = coordination.shared(ACCOUNTS, GROUPS)
    shares = coordination.share_of(flags, ACCOUNTS, count=5)
    assert shares[:4].tolist() == [0.5, 0.5, 1, 0]
    assert math.isnan(shares[4])


def test_an_account_repeats_itself() -> None:
    assert coordination.repeated(np.array([0, 0, 1]), np.array([5, 5, 5])).tolist() == [1, 1, 0]


def test_partners_posted_the_same_twice_within_a_minute() -> None:
    accounts = np.array([0, 1, 0, 1, 2, 2])
    times = np.array([0.0, 30, 1000, 1059, 2000, 1010])
    pairs = coordination.together(accounts, times, [[0, 1, 4], [3, 2, 5]])
    assert pairs == {(0, 1): 2, (0, 2): 1, (1, 2): 1}
    assert coordination.partners(pairs, count=4).tolist() == [1, 1, 0, 0]


def test_an_account_is_no_partner_of_its_own() -> None:
    assert not coordination.together(np.array([1, 1]), np.zeros(2), [[0, 1]])


def test_members_are_those_of_groups_of_two_or_more() -> None:
    assert coordination.members(GROUPS) == [[0, 1, 3]]


def test_the_same_text_with_the_same_link_is_one_thing_done_together() -> None:
    text = "Buy the new lamp now at http://lamps.example/offer"
    posts = [Post(str(i), name, float(20 * i), text) for i, name in enumerate("ab")]
    assert tabulate(posts).values["partners"].tolist() == [0, 0]
    later = [Post(p.id + "x", p.account, p.time + 9e4, p.text) for p in posts]
    assert tabulate([*posts, *later]).values["partners"].tolist() == [1, 1]
