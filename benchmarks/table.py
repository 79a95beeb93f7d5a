"""Results as a Markdown table, ready for benchmarks/README.md."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """The first column is text, the others are figures."""
    print(f"\n### {title}\n")
    print(_line(heads))
    print(_line(["---"] + ["---:"] * (len(heads) - 1)))
    for row in rows:
        print(_line([_text(cell) for cell in row]))
    print(flush=True)


def print_versions(*packages: str) -> None:
    """One line that says what was measured."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    print(f"Python {platform.python_version()}, {versions}", flush=True)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(cell: object) -> str:
    """Floats with three significant digits."""
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
