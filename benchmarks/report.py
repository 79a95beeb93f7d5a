"""Fair timing on a machine that others use too, and results as Markdown for docs/explanation/benchmarks.md."""

from __future__ import annotations

import platform
import re
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

Figures = dict[str, float]


def median_of_rounds(rounds: int, ways: Mapping[str, Callable[[], Figures]]) -> dict[str, Figures]:
    """Call the ways in turn, once a round. Return the median of each figure for each way."""
    seen: dict[str, list[Figures]] = {name: [] for name in ways}
    for number in range(1, rounds + 1):
        for name, measure in ways.items():
            seen[name].append(measure())
            if sys.stderr.isatty():
                print(f"round {number} of {rounds}, {name}: {seen[name][-1]}", file=sys.stderr)
    return {name: {key: median(run[key] for run in runs) for key in runs[0]} for name, runs in seen.items()}


def peak_memory() -> float:
    """Return the largest amount of memory that this process has held so far, in MB."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    # On Linux, ru_maxrss includes the memory of the parent at the time of the fork.
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    return int(found[1]) / 1024 if found else 0.0


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table with text in the first column and figures in the others."""
    print(f"\n### {title}\n")
    for cells in (heads, ["---"] + ["---:"] * (len(heads) - 1), *rows):
        print(f"| {' | '.join(map(_text, cells))} |")
    print(flush=True)


def print_versions(*packages: str) -> None:
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    print(f"Python {platform.python_version()}, {versions}", flush=True)


def _text(cell: object) -> str:
    """Return the text of a cell, floats with three significant digits."""
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
