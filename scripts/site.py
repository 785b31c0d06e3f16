"""Build the documentation site: copy docs/, write the Python reference, run zensical, check it.

The reference is read from the source by `ast`, so that nothing heavy is loaded.
"""

from __future__ import annotations

import argparse
import ast
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "hallmark"
LINKED = {"../benchmarks/RESULTS.md": "benchmarks.md"}  # pages outside docs/, and what they become
LOADS = re.compile(r'<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)="(?:https?:)?//[^"]+"')
KEEPS = re.compile(r'rel="(?:canonical|alternate|next|prev)"')


def build(out: Path) -> None:
    """The whole site in `out`; SystemExit with what is wrong."""
    with tempfile.TemporaryDirectory() as work:
        source = Path(work)
        prepare(source / "docs")
        shutil.copy(ROOT / "mkdocs.yml", source)
        program = Path(sys.executable).with_name("zensical")
        done = subprocess.run(
            [program, "build", "--strict", "-f", "mkdocs.yml"], cwd=source, check=False,
            capture_output=True, text=True, env={"NO_COLOR": "1", "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"zensical: {done.stdout}{done.stderr}")
        if asked := list(requests(source / "site")):
            sys.exit("pages ask other hosts: " + "; ".join(asked[:5]))
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(source / "site", out)
    print(out)


def prepare(docs: Path) -> None:
    """The pages as zensical reads them."""
    shutil.copytree(ROOT / "docs", docs)
    for name, page in LINKED.items():
        shutil.copy(ROOT / "docs" / name, docs / page)
    for path in docs.rglob("*.md"):
        text = path.read_text(encoding="utf-8")
        for name, page in LINKED.items():
            text = text.replace(f"]({name}", f"]({page}")
        path.write_text(text, encoding="utf-8")
    (docs / "api").mkdir()
    for name, text in reference():
        (docs / "api" / f"{name}.md").write_text(text, encoding="utf-8")


def requests(site: Path) -> Iterator[str]:
    """What built pages would load from elsewhere."""
    for page in site.rglob("*.html"):
        for tag in LOADS.findall(page.read_text(encoding="utf-8")):
            if not KEEPS.search(tag):
                yield f"{page.name}: {tag[:120]}"


def reference() -> Iterator[tuple[str, str]]:
    """(name, Markdown) of each page: one a package, and an index."""
    index = [
        "# Python reference\n", "Public names with their docstrings, by package; generated from "
        "the source.\n", "| package | what |", "|---|---|",
    ]  # fmt: skip
    for folder in sorted(path.parent for path in PACKAGE.rglob("__init__.py")):
        name = ".".join(folder.relative_to(PACKAGE.parent).parts)
        modules = [m for path in sorted(folder.glob("*.py")) if (m := module(path))]
        if modules:
            yield name, f"# `{name}`\n\n" + "\n".join(modules)
            head = folder / "__init__.py"
            text = head.read_text("utf-8") if head.is_file() else ""
            first = ast.get_docstring(ast.parse(text)) or ""
            index.append(f"| [`{name}`]({name}.md) | {escaped(first.splitlines()[:1])} |")
    yield "index", "\n".join(index) + "\n"


def module(path: Path) -> str:
    """One module's section; empty where it has no public name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [entry for node in tree.body for entry in entries(node)]
    if not found:
        return ""
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    name = name.removesuffix(".__init__")
    return "\n".join([f"## `{name}`\n", f"{ast.get_docstring(tree) or ''}\n", *found])


def entries(node: ast.stmt, inside: str = "") -> Iterator[str]:
    """The entry of a function or class, and those of a class's methods."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    docstring = ast.get_docstring(node)
    if node.name.startswith("_") or docstring is None:
        return
    yield f"```python\n{signature(node, inside)}\n```\n\n{quoted(docstring)}\n"
    if isinstance(node, ast.ClassDef):
        for inner in node.body:
            yield from entries(inner, f"{node.name}.")


def signature(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, inside: str) -> str:
    """How it is called: a function's arguments, or a class with its annotated fields."""
    if isinstance(node, ast.ClassDef):
        fields = [f"    {ast.unparse(f)}" for f in node.body if isinstance(f, ast.AnnAssign)]
        bases = ", ".join(map(ast.unparse, node.bases))
        head = f"class {node.name}({bases}):" if bases else f"class {node.name}:"
        return "\n".join([head, *fields]) if fields else head.removesuffix(":")
    returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    if any(ast.unparse(d) == "property" for d in node.decorator_list):
        return f"{inside}{node.name}{returned}"
    return f"{inside}{node.name}({ast.unparse(node.args)}){returned}"


def quoted(docstring: str) -> str:
    """A docstring as text, in which nothing is markup."""
    return escaped(docstring.split("\n"))


def escaped(lines: list[str]) -> str:
    """Lines with what Markdown would read as links, tags or tables made plain; code stays."""
    parts = re.split(r"(`[^`]*`)", "\n".join(lines))
    return "".join(
        part if part.startswith("`") else re.sub(r"([\[\]<>*_|{}$])", r"\\\1", part)
        for part in parts
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    build(parser.parse_args().out)
