"""A document of headings, paragraphs, tables and figures, as Markdown and as one HTML page."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

_STYLE = """
:root { color-scheme: light dark; --line: #8886; }
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left; }
td { font-variant-numeric: tabular-nums; }
figure { margin: 1.5rem 0; } figure svg { max-width: 100%; height: auto; background: #fff; }
.warning { border: 2px solid #b3261e; border-radius: .5rem; padding: .6rem 1rem; font-weight: 600; }
"""


@dataclass(frozen=True)
class Heading:
    """Level 1 is the title."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; a warning is set off."""

    text: str
    warning: bool = False


@dataclass(frozen=True)
class Table:
    """A header and rows of text."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Picture:
    """An SVG: Markdown links to the file `name`, HTML holds it."""

    name: str
    svg: str
    alt: str


Block = Heading | Paragraph | Table | Picture


def to_markdown(blocks: Sequence[Block]) -> str:
    """As GitHub reads it."""
    return "\n\n".join(markdown_of(block) for block in blocks) + "\n"


def markdown_of(block: Block) -> str:
    """One block as Markdown."""
    match block:
        case Heading():
            return f"{'#' * block.level} {_plain(block.text)}"
        case Paragraph():
            return f"> **{_plain(block.text)}**" if block.warning else _plain(block.text)
        case Table():
            rows = [block.header, ["---"] * len(block.header), *block.rows]
            return "\n".join(f"| {' | '.join(map(_plain, row))} |" for row in rows)
        case Picture():
            return f"![{_plain(block.alt)}]({block.name})"


def _plain(text: str) -> str:
    """Text that cannot end a table's cell, begin a tag or a line."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def to_html(blocks: Sequence[Block], *, title: str) -> str:
    """One page that needs no other file and no network."""
    body = "\n".join(html_of(block) for block in blocks)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def html_of(block: Block) -> str:
    """One block as HTML."""
    match block:
        case Heading():
            return f"<h{block.level}>{html.escape(block.text)}</h{block.level}>"
        case Paragraph():
            mark = ' class="warning" role="note"' if block.warning else ""
            return f"<p{mark}>{html.escape(block.text)}</p>"
        case Table():
            head = "".join(f'<th scope="col">{html.escape(c)}</th>' for c in block.header)
            rows = "".join(
                f"<tr>{''.join(f'<td>{html.escape(c)}</td>' for c in row)}</tr>"
                for row in block.rows
            )
            return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        case Picture():
            svg = block.svg[block.svg.index("<svg") :]
            alt = html.escape(block.alt, quote=True)
            return f'<figure role="img" aria-label="{alt}">{svg}</figure>'
