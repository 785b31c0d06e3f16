"""A case as one file, HTML or JSON, without a server."""

from __future__ import annotations

import json
from pathlib import Path

from hallmark.evidence.cases import Role
from hallmark.evidence.roles import Person
from hallmark.evidence.store import PROGRAM, CaseStore
from hallmark.models.folder import write_text
from hallmark.web.cases.pages import case_html, case_json
from hallmark.web.cases.site import Site
from hallmark.web.signin import SignIn

KINDS = ("html", "json")


def write_case(store: CaseStore, number: int, path: Path) -> None:
    """Write the file of a case, HTML or JSON by the path's ending, for its owner only; the log
    says so.

    ValueError for another ending and for a case that is not there.
    """
    kind = path.suffix.lower().lstrip(".")
    if kind not in KINDS:
        raise ValueError(f"{path} must end in .html or .json")
    site = Site(store, SignIn(store.hash_of), stamp="", tokens=None, address="")
    person = Person(PROGRAM, Role.AUDITOR)
    if kind == "html":
        text = case_html(site, person, number)
    else:
        record = case_json(site, person, number)
        text = json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    site.desk.exported(None, number, kind)
    write_text(path, text, mode=0o600)
