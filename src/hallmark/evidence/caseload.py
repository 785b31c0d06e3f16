"""From posts and what `hallmark signals fuse` said of them to cases that are ready to be kept.

Names are replaced here, before anything is stored: a keyed hash (HMAC-SHA256) stands for each,
the same one each time, and who has no key cannot find an account by trying names.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hallmark.data import Label
from hallmark.evidence.cases import Evidence, Text, evidence_of
from hallmark.evidence.clusters import cluster
from hallmark.evidence.posts import Post

_MENTION = re.compile(r"(?<![\w@])@(\w+)")
_SHORTEST_NAME = 4  # characters: masking "al" would mask half of English
Rename = Callable[[str], str]
Others = dict[int, dict[str, int]]


@dataclass(frozen=True)
class Draft:
    """An account that is to become a case."""

    account: str
    pseudonym: str
    evidence: Evidence
    texts: tuple[Text, ...]
    gold: Label | None = None


def pseudonym_of(account: str, *, key: bytes) -> str:
    """What stands for an account: eight letters and digits, such as `K7Q2-FMXN` (40 bits)."""
    found = hmac.new(key, account.encode("utf-8"), hashlib.sha256).digest()
    text = base64.b32encode(found).decode("ascii")[:8]
    return f"{text[:4]}-{text[4:]}"


def masked(text: str, *, names: Iterable[str], rename: Rename) -> str:
    """The text with @mentions, and the names given where they stand as words, renamed."""
    for name in sorted(set(names), key=len, reverse=True):
        if len(name) >= _SHORTEST_NAME:
            text = re.sub(rf"(?<![\w@]){re.escape(name)}(?!\w)", lambda m: rename(m[0]), text)
    return _MENTION.sub(lambda m: "@" + rename(m[1]), text)


def drafts_of(
    fused: Mapping[str, Any],
    posts: Sequence[Post],
    *,
    key: bytes,
    pseudonyms: bool,
    texts: int,
    gold: Mapping[str, Label] | None = None,
) -> list[Draft]:
    """A draft for each account of `fused`, what `hallmark signals fuse --json` printed.

    `posts` are those that it read; of each account the newest `texts` are kept. gold: labels of
    accounts that are known. ValueError where an account has no posts, comes twice, or is damaged.
    """
    accounts = fused.get("accounts")
    if not isinstance(accounts, list) or not all(isinstance(a, Mapping) for a in accounts):
        raise ValueError(
            'there is no list of "accounts" in it; give what `hallmark signals fuse --json` printed'
        )
    prevalence = _prevalence(fused)
    own = _by_account(posts)
    near, neighbours = _neighbours(posts)
    unknown = set(gold or {}) - set(own)
    if unknown:
        raise ValueError(f"{min(unknown)[:40]!r} has a label and no post; give its posts too")

    def rename(name: str) -> str:
        return pseudonym_of(name, key=key) if pseudonyms else name

    found, seen = [], set()
    for record in accounts:
        account = str(record.get("account", ""))
        if account not in own or account in seen:
            what = "comes twice" if account in seen else "has no post"
            raise ValueError(f"account {account[:40]!r} {what}; give the posts that were fused")
        seen.add(account)
        evidence = dataclasses.replace(
            evidence_of(record, prevalence=prevalence),
            neighbours={
                group: {rename(name): count for name, count in others.items()}
                for group, others in neighbours[account].items()
            },
        )
        kept = sorted(own[account], key=lambda i: posts[i].time)[-texts:]
        shown = tuple(
            _text(posts[i], int(near[i]) if int(near[i]) in neighbours[account] else -1,
                  rename=rename if pseudonyms else None)
            for i in kept
        )  # fmt: skip
        label = (gold or {}).get(account)
        found.append(Draft(account, pseudonym_of(account, key=key), evidence, shown, label))
    return found


def _prevalence(fused: Mapping[str, Any]) -> float:
    found = fused.get("prevalence", 0.01)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < 1:
        raise ValueError(f'its "prevalence" is {str(found)[:20]}; it must lie above 0 and below 1')
    return float(found)


def _text(post: Post, group: int, *, rename: Rename | None) -> Text:
    words = post.text
    if rename is not None:
        words = masked(words, names=[post.account, post.name], rename=rename)
    return Text(post.id, post.time, words, group)


def _by_account(posts: Sequence[Post]) -> dict[str, list[int]]:
    own: dict[str, list[int]] = defaultdict(list)
    for i, post in enumerate(posts):
        own[post.account].append(i)
    return own


def _neighbours(
    posts: Sequence[Post],
) -> tuple[Sequence[int], dict[str, Others]]:
    """Each post's cluster; and of each account, who else has how many posts in its clusters."""
    near = cluster(p.text for p in posts).tolist()
    held: dict[int, Counter[str]] = defaultdict(Counter)
    for group, post in zip(near, posts, strict=True):
        held[group][post.account] += 1
    found: dict[str, Others] = defaultdict(dict)
    for group, counts in held.items():
        if len(counts) > 1:
            for account in counts:
                found[account][group] = {a: n for a, n in counts.items() if a != account}
    return near, found
