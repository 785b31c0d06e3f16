"""A page of sections, figures and tables that each name their result files: HTML and Markdown.

The HTML needs no other file and no network, follows the reader's light or dark, and prints.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hallmark.release.report.results import Result
from hallmark.study.document import Block, Heading, Picture, Table, html_of, markdown_of

SOURCES = "Where each figure comes from"
_STYLE = """
:root { color-scheme: light dark; --line: #8886; --link: light-dark(#0b5cad, #7db8f0);
  --alarm: light-dark(#a3210f, #ff9c8a); --shade: light-dark(#0005, #fff6); }
* { box-sizing: border-box; }
body { font: 1rem/1.6 system-ui, sans-serif; margin: 0; color: CanvasText; background: Canvas; }
main { max-width: 58rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; overflow-wrap: anywhere; }
h1 { line-height: 1.2; }
h2 { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1.2rem; }
a { color: var(--link); }
nav ol { columns: 2 18rem; padding-left: 1.4rem; }
.scroll { overflow-x: auto; background: /* a shade at the side where more of a table is */
  linear-gradient(to right, Canvas 50%, #0000) left / 3rem 100% no-repeat local,
  linear-gradient(to left, Canvas 50%, #0000) right / 3rem 100% no-repeat local,
  linear-gradient(to right, var(--shade), #0000) left / 1.2rem 100% no-repeat scroll,
  linear-gradient(to left, var(--shade), #0000) right / 1.2rem 100% no-repeat scroll; }
.scroll:focus-visible { outline: 2px solid var(--link); }
table { border-collapse: collapse; font-size: .9rem; overflow-wrap: normal; }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
td { font-variant-numeric: tabular-nums; }
figure { margin: 1.5rem 0; } figure svg { display: block; max-width: 100%; height: auto; }
figcaption { font-size: .9rem; margin: .5rem 0; }
code { font-size: .85em; overflow-wrap: anywhere; }
.warning { border: 2px solid var(--alarm); border-radius: .4rem; padding: .5rem 1rem;
  font-weight: 600; }
dl.sources { font-size: .9rem; } dl.sources dt { font-weight: 600; margin-top: 1rem; }
dl.sources dd { margin: .1rem 0 0 1rem; }
@media print {
  :root { color-scheme: light; } body { font-size: 10pt; } main { max-width: none; padding: 0; }
  h2, h3 { break-after: avoid; } figure, tr { break-inside: avoid; }
  .scroll { overflow: visible; background: none; }
  nav { display: none; } a { color: inherit; text-decoration: none; }
}
@page { margin: 18mm 16mm; }
"""


@dataclass(frozen=True)
class Sourced:
    """A table or picture with its caption, the files that it is from, and the place in them."""

    block: Table | Picture
    caption: str
    files: tuple[Result, ...]
    where: str


@dataclass(frozen=True)
class Numbered:
    """The same with its number and anchor."""

    item: Sourced
    label: str

    @property
    def anchor(self) -> str:
        """What links lead to."""
        return self.label.lower().replace(" ", "-")


Part = Block | Sourced


def numbered(parts: Sequence[Part]) -> list[Block | Numbered]:
    """Figures and tables with numbers, in order; everything else as it is."""
    counts = {"Figure": 0, "Table": 0}
    found: list[Block | Numbered] = []
    for part in parts:
        if isinstance(part, Sourced):
            kind = "Figure" if isinstance(part.block, Picture) else "Table"
            counts[kind] += 1
            found.append(Numbered(part, f"{kind} {counts[kind]}"))
        else:
            found.append(part)
    return found


def slug(text: str) -> str:
    """The anchor of a heading, as GitHub and zensical make it."""
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", text.lower())).strip("-")


def to_html(parts: Sequence[Part], *, title: str, linked: bool) -> str:
    """One page. linked: the result files lie beside it, so that their names can be links."""
    blocks = numbered(parts)
    body = "\n".join([*map(_html, blocks), *_sources_html(blocks, linked=linked)])
    heads = [b for b in blocks if isinstance(b, Heading) and b.level == 2]
    names = [*(h.text for h in heads), SOURCES]
    toc = "".join(f'<li><a href="#{slug(n)}">{html.escape(n)}</a></li>' for n in names)
    first, _, rest = body.partition("</h1>")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n"
        f'<body><main>\n{first}</h1>\n<nav aria-label="Contents"><ol>{toc}</ol></nav>{rest}\n'
        "</main></body></html>\n"
    )


def _html(block: Block | Numbered) -> str:
    match block:
        case Numbered():
            return _figure(block)
        case Heading():
            text = html.escape(block.text)
            return f'<h{block.level} id="{slug(block.text)}">{text}</h{block.level}>'
        case Table():
            return _scrolling(block)
        case _:
            return html_of(block)


def _figure(block: Numbered) -> str:
    inner = block.item.block
    shown = _scrolling(inner) if isinstance(inner, Table) else html_of(inner)
    links = ", ".join(
        f'<a href="#source-{block.anchor}"><code>{html.escape(f.name)}</code></a>'
        for f in block.item.files
    )
    source = f" From {links}." if links else " No result file was there."
    caption = f"<b>{block.label}.</b> {_text(block.item.caption)}{source}"
    shown = shown.replace("<figure ", "<div ", 1).replace("</figure>", "</div>")
    return f'<figure id="{block.anchor}">{shown}<figcaption>{caption}</figcaption></figure>'


def _text(text: str) -> str:
    """Text as HTML; what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _scrolling(table: Table) -> str:
    """A table that scrolls by itself on a phone, by keyboard too."""
    named = 'tabindex="0" role="group" aria-label="A table that scrolls sideways where it is wide"'
    return f'<div class="scroll" {named}>{html_of(table)}</div>'


def _sources_html(blocks: Sequence[Block | Numbered], *, linked: bool) -> Iterator[str]:
    yield f'<h2 id="{slug(SOURCES)}">{SOURCES}</h2>'
    yield f'<p>{_text(EXPLAINED)}</p><dl class="sources">'
    for block in blocks:
        if isinstance(block, Numbered):
            yield (
                f'<dt id="source-{block.anchor}"><a href="#{block.anchor}">{block.label}</a></dt>'
            )
            for file in block.item.files:
                name = html.escape(file.name)
                shown = f'<a href="{name}">{name}</a>' if linked else name
                yield (
                    f"<dd><code>{shown}</code>, at <code>{html.escape(block.item.where)}</code>; "
                    f"SHA-256 <code>{file.sha256}</code>; command "
                    f"<code>{html.escape(file.command)}</code>; seed "
                    f"<code>{html.escape(file.seed)}</code></dd>"
                )
    yield "</dl>"


EXPLAINED = (
    "Each figure and table was drawn from the file named here, and from nothing else. The "
    "command, run in the folder of the run, measures it again; `hallmark release verify` compares "
    "the hashes with what was signed."
)


def to_markdown(parts: Sequence[Part]) -> str:
    """The same as GitHub reads it; figures are files beside it."""
    blocks = numbered(parts)
    return "\n\n".join([*map(_markdown, blocks), *_sources_markdown(blocks)]) + "\n"


def _markdown(block: Block | Numbered) -> str:
    if not isinstance(block, Numbered):
        return markdown_of(block)
    links = ", ".join(f"[`{f.name}`](#{slug(SOURCES)})" for f in block.item.files)
    source = f" From {links}." if links else " No result file was there."
    caption = f"**{block.label}.** {block.item.caption}{source}"
    return f"{markdown_of(block.item.block)}\n\n{caption}"


def _sources_markdown(blocks: Sequence[Block | Numbered]) -> Iterator[str]:
    yield f"## {SOURCES}\n\n{EXPLAINED}"
    rows = [
        (block.label, f"`{file.name}`", f"`{block.item.where}`", f"`{file.sha256}`",
         f"`{file.command}`", file.seed)
        for block in blocks if isinstance(block, Numbered) for file in block.item.files
    ]  # fmt: skip
    yield markdown_of(Table(("Shown in", "File", "At", "SHA-256", "Command", "Seed"), rows))
