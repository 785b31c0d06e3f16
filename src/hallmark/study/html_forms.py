"""A study's page as a bot sees it: its form, the text to read, the completion code."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """Where a form goes, and the fields that are sent as they are."""

    action: str
    hidden: dict[str, str] = field(default_factory=dict)


@dataclass
class Page:
    """What matters on a page; `simulated` where it says that answers are marked so."""

    form: Form | None = None
    text: str = ""
    code: str = ""
    simulated: bool = False


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._inside = ""  # the tag whose text is being kept
        self._kept: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        classes = given.get("class", "").split()
        if tag == "form":
            self.page.form = Form(given["action"])
        elif tag == "input" and given.get("type") == "hidden" and self.page.form:
            self.page.form.hidden[given["name"]] = given["value"]
        elif "text" in classes or given.get("id") == "code":
            self._inside, self._kept = tag, []
        self.page.simulated |= "dry" in classes

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            kept = " ".join(" ".join(self._kept).split())
            if tag == "code":
                self.page.code = kept
            else:
                self.page.text = kept
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self._kept.append(data)


def read_page(html: str) -> Page:
    """The page in this HTML."""
    reader = _Reader()
    reader.feed(html)
    return reader.page
