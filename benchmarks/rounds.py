"""Fair timing on a machine that others use too: the ways take turns, and medians are compared."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from statistics import median

Figures = dict[str, float]


def median_of_rounds(rounds: int, ways: Mapping[str, Callable[[], Figures]]) -> dict[str, Figures]:
    """Call each way once a round; per way, the median of each figure that it returned."""
    seen: dict[str, list[Figures]] = {name: [] for name in ways}
    for number in range(1, rounds + 1):
        for name, measure in ways.items():
            seen[name].append(measure())
            _show(f"round {number} of {rounds}, {name}: {seen[name][-1]}")
    return {name: {key: median(run[key] for run in runs) for key in runs[0]} for name, runs in seen.items()}


def _show(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr)
