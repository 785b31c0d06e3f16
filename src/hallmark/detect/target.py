"""What a certificate is asked to claim. Free of NumPy, for the command line."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hallmark.settings import option


@dataclass(frozen=True)
class CertificateConfig:
    """What is claimed, and the lengths from which on each threshold holds."""

    target_fpr: float = option(0.01, "Share of human texts that may be flagged.")
    lengths: str = option("64,128,256,512", "Shortest length of every bin, with commas.")
    seed: int = option(0, "Of the split by author.")

    def edges(self) -> list[int]:
        """The bins' shortest lengths. ValueError unless they are whole and rise."""
        try:
            edges = [int(part) for part in self.lengths.split(",")]
        except ValueError:
            edges = []
        if not edges or edges[0] < 1 or any(a >= b for a, b in pairwise(edges)):
            raise ValueError(f"lengths must be rising whole numbers, not {self.lengths!r:.80}")
        return edges
