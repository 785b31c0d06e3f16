"""One form for every text before a detector reads it, so that format is not evidence.

Line breaks, typographic quotes and dashes differ between corpora for reasons of collection;
a detector that may see them learns the collection instead of the writing.
"""

from __future__ import annotations

import re
import unicodedata

_PLAIN = str.maketrans(
    {"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'", "\u2013": "-", "\u2014": "-"}
)
_SPACE = re.compile(r"\s+")


def normalise(text: str) -> str:
    """NFKC, straight quotes and dashes, white space folded to single blanks, ends stripped."""
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", text).translate(_PLAIN)).strip()
