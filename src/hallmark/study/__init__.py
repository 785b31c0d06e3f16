"""Studies of how credible people find texts: design, keep, answer, analyse. Needs no PyTorch."""
