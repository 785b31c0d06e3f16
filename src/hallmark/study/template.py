"""The study file that `hallmark study new` writes: whole, with every entry explained."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise

from hallmark.study.definition import Design

_HEAD = """\
# A credibility study. Lines with # explain; change what you like, then run, one after the other:
#   hallmark study power, plan, serve, export, analyse
title = "How credible are these texts?"

[design]
texts_per_condition = {design.texts_per_condition}
ratings_per_text = {design.ratings_per_text}      # different raters for each text
texts_per_rater = {design.texts_per_rater}
attention_checks = {design.attention_checks}      # for each rater, among the texts
min_words = {design.min_words}             # shorter texts are left out
max_words = {design.max_words}            # longer ones are cut at the end of a sentence
attempts = {design.attempts}              # at the comprehension check
seed = {design.seed}                  # decides texts, places and order

# One [[condition]] for each group of texts: a file of JSON lines with "text" in each.
"""
_CONDITION = """\
[[condition]]
name = {name}
texts = {texts}
human = {human}

"""
_SCALES = """\
# kind = "rating" (items from low to high; their mean is the index), "detection" (did a human or
# a machine write this?) or "boundary" (from which sentence on did a machine write?).
[[scale]]
name = "credibility"
kind = "rating"
question = "How well does each word describe the text?"
items = ["believable", "accurate", "clear"]
low = 1
high = 10
low_label = "Not at all"
high_label = "Completely"

{author}
# Raters must answer all of these to go on.
[[check]]
question = "What will you be asked about each text?"
choices = ["How long it is", "How credible it is", "Who should publish it"]
answer = "How credible it is"

[[check]]
question = "Should you look a text up on the web before you answer?"
choices = ["Yes", "No"]
answer = "No"

# Differences you commit to test, before you see data. With an equivalence margin (in points of
# the scale) it is also tested whether the difference is smaller than that.
"""
_AUTHOR = """\
[[scale]]
name = "author"
kind = "detection"
question = "Who do you think wrote this text?"
"""
_NO_AUTHOR = """\
# A "detection" scale needs texts of people and of machines, and this study has one of the two:
# where all answers are of one kind, nobody can tell guessing from knowing.
"""
_WORDS = '''\
# These words fit the conditions above; where you change those, change these.
[words]
consent = """
This study is about how people read short texts. You will read some texts and answer a few
questions about each. There are no known risks. Taking part is voluntary: you may stop at any
time by closing the page. We store your answers and how long you took, and neither your name
nor your address. {risk}
"""
instructions = """
You will read several short texts, one on each page. Read each to the end, then say how credible
you find it. Judge only what is on the page: please do not look anything up. There are no right
or wrong opinions.
"""
debrief = """
Thank you. {authors} What you read may be false:
please do not rely on it. The study asks how credible people find such texts, so that models can
be released with care.
"""
contact = ""  # whom raters can ask, a name and an address: on each of their pages
demographics = ["How old are you?", "What is your first language?"]
'''
# What consent says of the texts, and what the debrief says of who wrote them.
_MIXED = (
    "Some texts may be false or unpleasant; some may have been written by computers.",
    "Some of the texts were written by people and some by language models.",
)
_MACHINE = (
    "Texts may be false or unpleasant, and may have been written by computers.",
    "The texts were written by language models.",
)
_HUMAN = ("Texts may be false or unpleasant.", "The texts were written by people.")


def study_file(
    conditions: Mapping[str, str], *, human: Sequence[str] = (), design: Design | None = None
) -> str:
    """The text of a new study file; `conditions` maps names to files, `human` says which are.

    Each machine condition is contrasted with the next one given. Raters are asked whether a human
    or a machine wrote a text only where there are both, and told after it what the texts were.
    """
    machine = [name for name in conditions if name not in human]
    parts = [_HEAD.format(design=design or Design())]
    parts += [
        _CONDITION.format(name=_quote(name), texts=_quote(texts), human=str(name in human).lower())
        for name, texts in conditions.items()
    ]
    people = [name for name in conditions if name in human]
    parts.append(_SCALES.format(author=_AUTHOR if machine and people else _NO_AUTHOR))
    for lower, higher in pairwise(machine):
        parts.append(
            f"[[contrast]]\nhigher = {_quote(higher)}\nlower = {_quote(lower)}\n"
            "equivalence = 0.5\n\n"
        )
    parts.append("# What the power analysis assumes: means and standard deviations in points.\n")
    parts.append("[expected]\nsd_rater = 1.0\nsd_item = 0.5\nsd_residual = 1.658\n[expected.means]")
    parts += [f"\n{_quote(name)} = {6 + 0.5 * i:.2f}" for i, name in enumerate(conditions)]
    risk, authors = _MIXED if machine and people else _MACHINE if machine else _HUMAN
    return "".join([*parts, "\n\n", _WORDS.format(risk=risk, authors=authors)])


def _quote(text: str) -> str:
    """A TOML basic string, whose escapes are JSON's."""
    return json.dumps(text, ensure_ascii=False)
