"""Generate, score and detect GPT-2-like text, with an honest error rate."""

__version__ = "0.1.0"
