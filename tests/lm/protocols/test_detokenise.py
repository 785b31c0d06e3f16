"""Spaces that tokenisers put in are taken out again, and nothing else."""

from __future__ import annotations

import pytest

from hallmark.lm.protocols.detokenise import lambada, wikitext


@pytest.mark.parametrize(
    ("tokenised", "running"),
    [
        ("He had a guest @-@ starring role , in 2000 .", "He had a guest-starring role, in 2000."),
        ("about 1 @,@ 500 ( or 3 @.@ 5 % ) of it", "about 1,500 (or 3.5%) of it"),
        (
            ' the role of " Craig " in " Teddy \'s Story "',
            'the role of "Craig" in "Teddy\'s Story"',
        ),
        (" = = Career = = \n It did n't . \n", "= = Career = =\nIt didn't.\n"),
        ("Robert <unk> is an actor", "Robert <unk> is an actor"),
        ("plain, running text (as it is).", "plain, running text (as it is)."),
    ],
)
def test_wikitext(tokenised: str, running: str) -> None:
    assert wikitext(tokenised) == running


@pytest.mark.parametrize(
    ("tokenised", "running"),
    [
        ("`` i do n't know , '' he said .", '"i don\'t know," he said.'),
        ('"I don\'t know," he said.', '"I don\'t know," he said.'),
    ],
)
def test_lambada(tokenised: str, running: str) -> None:
    assert lambada(tokenised) == running
