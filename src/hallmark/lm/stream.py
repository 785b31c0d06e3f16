"""Bytes of tokens to text that may be shown: whole characters, and nothing that a stop string
may still remove. Knows nothing of tokens or networks.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class TextStream:
    """The text of one row as its bytes arrive.

    `text` is all of it so far, cut before the stop string once `stopped`. The pieces that
    `feed` returns join to the final `text`. Bytes that are not UTF-8 become U+FFFD, as when
    all are decoded at once.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self.text = ""
        self.stopped = False
        self._stop = stop
        self._shown = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """Add bytes; return the text that has become certain. `final`: no more will come."""
        if self.stopped:
            return ""
        before = len(self.text)
        self.text += self._decoder.decode(data, final)
        self._cut(before)
        held = 0 if final or self.stopped else self._held()
        piece = self.text[self._shown : len(self.text) - held]
        self._shown += len(piece)
        return piece

    def _cut(self, before: int) -> None:
        """Cut the text at a stop string that ends after `before`, if any.

        Of several the one that ends first counts, and then the one that begins first: so the
        result does not depend on how the text was cut into tokens.
        """
        found = []
        for stop in self._stop:
            at = self.text.find(stop, max(0, before - len(stop) + 1))
            if at >= 0:
                found.append((at + len(stop), at))
        if found:
            self.text = self.text[: min(found)[1]]
            self.stopped = True

    def _held(self) -> int:
        """Length of the longest end of the text that may be the beginning of a stop string."""
        longest = max((len(stop) - 1 for stop in self._stop), default=0)
        for length in range(min(longest, len(self.text)), 0, -1):
            end = self.text[-length:]
            if any(stop.startswith(end) for stop in self._stop):
                return length
        return 0
