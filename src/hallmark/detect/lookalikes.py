"""Letters of other alphabets that look like Latin ones. A table made by eye for this project."""

# ruff: noqa: RUF001
from __future__ import annotations

# Letter for letter: what it looks like, and what it is.
_CYRILLIC = {
    "a": "а", "c": "с", "d": "ԁ", "e": "е", "h": "һ", "i": "і", "j": "ј", "l": "ӏ", "o": "о",
    "p": "р", "q": "ԛ", "s": "ѕ", "v": "ѵ", "w": "ԝ", "x": "х", "y": "уү", "A": "А", "B": "В",
    "C": "С", "E": "Е", "H": "Н", "I": "ІӀ", "J": "Ј", "K": "К", "M": "М", "O": "О", "P": "Р",
    "Q": "Ԛ", "S": "Ѕ", "T": "Т", "V": "Ѵ", "W": "Ԝ", "X": "Х", "Y": "УҮ",
}  # fmt: skip
_GREEK = {
    "c": "ϲ", "j": "ϳ", "o": "ο", "A": "Α", "B": "Β", "C": "Ϲ", "E": "Ε", "H": "Η", "I": "Ι",
    "J": "Ϳ", "K": "Κ", "M": "Μ", "N": "Ν", "O": "Ο", "P": "Ρ", "T": "Τ", "X": "Χ", "Y": "Υ",
    "Z": "Ζ",
}  # fmt: skip
_ARMENIAN = {
    "g": "ց", "h": "հ", "n": "ո", "o": "օ", "q": "զ", "u": "ս", "O": "Օ", "S": "Տ", "U": "Ս"
}  # fmt: skip
_SYMBOLS = {"a": "α", "i": "ι", "k": "κ", "p": "ρ", "u": "υ", "v": "ν", "x": "χ", "y": "γ"}


def _turned(*tables: dict[str, str]) -> dict[str, str]:
    """From what a letter is to what it looks like."""
    return {own: latin for table in tables for latin, letters in table.items() for own in letters}


SYMBOLS = _turned(_SYMBOLS)  # Greek letters that formulas and names of genes hold
SURE = _turned(_CYRILLIC, _GREEK, _ARMENIAN)
LATIN = SURE | SYMBOLS
