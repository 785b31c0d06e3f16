"""How well detectors do: by size and sampling, by length and group, and under attack."""
