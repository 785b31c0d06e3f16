"""The rules of docs/architecture.md that scripts/check does not: budgets, what is loaded when."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "src" / "hallmark").rglob("*.py"))
HEAVY = ("torch", "sklearn", "transformers", "scipy", "safetensors", "tiktoken")


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function in a file with its length in lines, decorators and docstring left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            end = node.end_lineno or node.lineno
            yield f"{path.name}:{node.name}", (end - body[0].lineno + 1 if body else 0) + 1


def test_files_are_short() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {path: n for path, n in lengths.items() if n > 300} == {}
    assert statistics.median(lengths.values()) <= 130


def test_functions_are_short() -> None:
    lengths = dict(function for path in FILES for function in functions(path))
    assert {name: n for name, n in lengths.items() if n > 60} == {}
    assert statistics.quantiles(lengths.values(), n=10)[-1] <= 30


def test_every_file_says_what_it_is() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        docstring = ast.get_docstring(ast.parse(text)) if text else None
        empty_package = path.name == "__init__.py" and not text
        assert empty_package or docstring, f"{path} lacks a docstring"
        assert len((docstring or "").splitlines()) <= 8, f"{path} has too long a docstring"


def test_no_file_unpickles_or_is_called_utils() -> None:
    for path in FILES:
        assert path.stem not in ("utils", "util", "helpers", "common", "misc")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            module = node.module if isinstance(node, ast.ImportFrom) else None
            assert not {"pickle", "joblib", "dill", "shelve"} & {*names, module}, path


@pytest.mark.parametrize(
    "code",
    [
        "import hallmark",
        "from hallmark.cli.main import main; main(['--help'])",
        "from hallmark.cli.main import main; main(['generate', '--help'])",
        "from hallmark.cli.main import main; main(['models'])",
    ],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    check = f"import sys; {code}; print(*[m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr.splitlines()[-1] == ""


def test_help_loads_no_rich_either() -> None:
    code = (
        "import sys; from hallmark.cli.main import main; main(['--help']); "
        "print('rich' in sys.modules, 'numpy' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == "False False\n"


def test_a_page_is_judged_without_any_compiler() -> None:
    """PyTorch's takes more than a second to load, numba half of one: people wait for neither."""
    page = ROOT / "src" / "hallmark" / "bundled" / "texts" / "human.txt"
    slow = ("torch._dynamo", "numba", "sklearn", "transformers")
    code = (
        f"import sys; from hallmark.cli.main import main; main(['detect', {str(page)!r}]); "
        f"print(*[m for m in {slow} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stderr == "\n"
