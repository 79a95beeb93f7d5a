"""Draw docs/images/benchmarks.svg from the tables of docs/explanation/benchmarks.md, as the benchmarks print them."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

DOCS = Path(__file__).parent.parent / "docs"
RECORD = DOCS / "explanation" / "benchmarks.md"
CHART = DOCS / "images" / "benchmarks.svg"

# By the label of a row and the head of a column.
Table = Mapping[str, Mapping[str, float]]

OURS, DHASH = "this, 100", "dhash <= 10"
# The head of each column of the record with its label, colour and marker: those of Okabe and Ito.
WAYS = {
    OURS: ("imagesearch, within 100", "#d55e00", "o"),
    "phash 64 <= 10": ("ImageHash phash of 64 bits, within 10", "#0072b2", "s"),
    "phash 256 <= 64": ("ImageHash phash of 256 bits, within 64", "#56b4e9", "D"),
    DHASH: ("ImageHash dhash, within 10", "#009e73", "^"),
    "PDQ <= 31": ("PDQ, within 31", "#555555", "X"),
}
# The mean of these rows, by the label in the chart.
COPIES = {
    "resized, recompressed,\nother format": ["half the size", "JPEG quality 30", "as PNG", "as WebP"],
    "brightness, contrast, grey,\nblur, noise": ["brightness x 1.3", "contrast x 1.3", "grey", "blurred", "noise"],
    "watermark, logo": ["watermark", "logo"],
    "cropped, rotated by 2°": [
        *("5% cropped, all round", "5% cropped, on the left"),
        *("rotated by 2°", "rotated by 2°, cropped by 3%"),
    ],
    "border, letterbox, padding": [*("border of 2%", "white border of 5%", "letterbox of 9:16", "padded white square")],
    "mirrored, flipped, turned": ["mirrored", "flipped", "turned right", "turned by 180°", "turned left"],
}
# The row whose label contains this, by the label in the chart.
PAIRS = {
    "photographs": "pairs of photographs",
    "with a border of 2%": "with a border of 2%",
    "with a white border": "with a white border",
    "in a letterbox": "in a letterbox",
    "padded to a square": "padded to a white square",
    "text pages": "text pages",
    "receipts": "pairs of receipts",
}
LIMIT_OF_PAIRS = 100_000
SPACING = 0.15
# Photographs and the number of processes, by the label in the chart.
SPEEDS = {
    "hashing, 500 px": ("500 px", 1),
    "hashing, 12 MP": ("12 MP", 1),
    "backfill in 2 processes and\na loop in one, 500 px": ("500 px", 2),
    "the same, 12 MP": ("12 MP", 2),
}


def read_tables(text: str) -> Iterator[Table]:
    for block in re.findall(r"^\|.*\n\|[-:| ]+\|\n(?:\|.*\n)+", text, re.MULTILINE):
        heads, _line, *rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines())
        yield {row[0]: dict(_figures(heads[1:], row[1:])) for row in rows}


def _figures(heads: Sequence[str], cells: Sequence[str]) -> Iterator[tuple[str, float]]:
    for head, cell in zip(heads, cells, strict=True):
        if number := re.match(r"[\d,]+(?:\.\d+)?", cell):
            yield head, float(number[0].replace(",", ""))


def find_table(tables: Sequence[Table], head: str, row: str) -> Table:
    """Return the first table with this column, and with a row whose label contains `row`."""
    for table in tables:
        if any(row in label and head in figures for label, figures in table.items()):
            return table
    raise LookupError(f"no table has a column {head!r} and a row {row!r}")


def copies_found(tables: Sequence[Table]) -> dict[str, dict[str, float]]:
    table = find_table(tables, OURS, "half the size")
    return {
        label: {way: mean(table[row][way] for row in rows) for way in WAYS if way in table[rows[0]]}
        for label, rows in COPIES.items()
    }


def false_pairs(tables: Sequence[Table]) -> dict[str, dict[str, float]]:
    table = find_table(tables, OURS, "pairs of photographs")
    found = {label: next(figures for row, figures in table.items() if part in row) for label, part in PAIRS.items()}
    return {label: {way: figures[way] for way in WAYS if way in figures} for label, figures in found.items()}


def speeds(tables: Sequence[Table]) -> dict[str, tuple[float, float]]:
    """Return images per second of this app, and of ImageHash's dhash, alone or in a loop that saves rows."""
    hashing, backfill = find_table(tables, "imagehash.dhash", "12 MP"), find_table(tables, "plain loop", "12 MP")
    rates = {}
    for label, (photographs, processes) in SPEEDS.items():
        if processes == 1:
            row = hashing[photographs]
            rates[label] = 1000 / row["all three hashes"], 1000 / row["imagehash.dhash"]
        else:
            rates[label] = backfill[photographs]["backfill"], backfill[photographs]["plain loop"]
    return rates


def draw_dots(axes: Axes, figures: Mapping[str, Mapping[str, float]]) -> None:
    for number, values in enumerate(figures.values()):
        for place, (way, (_label, colour, marker)) in enumerate(WAYS.items()):
            if way in values:
                # Above one another, where values are the same.
                height = number + (place - 2) * SPACING
                axes.scatter(values[way], height, 44 if way == OURS else 26, colour, marker=marker, zorder=3)
        axes.axhspan(number - 0.42, number + 0.42, color="#f4f4f4", linewidth=0)
    axes.set_yticks(range(len(figures)), list(figures))
    axes.invert_yaxis()


def draw_bars(axes: Axes, rates: Mapping[str, tuple[float, float]]) -> None:
    for number, pair in enumerate(rates.values()):
        for way, rate, offset in zip((OURS, DHASH), pair, (-0.19, 0.19), strict=True):
            axes.barh(number + offset, rate, 0.36, color=WAYS[way][1], zorder=3)
            text = f"{rate:,.0f}" if rate >= 20 else f"{rate:.1f}"
            axes.text(rate * 1.1, number + offset, text, va="center", fontsize=8)
    axes.set_yticks(range(len(rates)), list(rates))
    axes.invert_yaxis()


def describe(tables: Sequence[Table]) -> str:
    """Return all figures of the chart, which its file contains so that a test can compare them with the record."""
    return json.dumps([copies_found(tables), false_pairs(tables), speeds(tables)])


def draw(tables: Sequence[Table]) -> Figure:
    figure = Figure(figsize=(9.6, 6), layout="constrained", facecolor="white")
    grid = figure.add_gridspec(2, 2, width_ratios=(1.15, 1))
    copies, pairs, speed = (figure.add_subplot(place) for place in (grid[:, 0], grid[0, 1], grid[1, 1]))
    draw_dots(copies, copies_found(tables))
    copies.set(title="Edited copies found again, per cent", xlim=(-3, 103))
    draw_dots(pairs, false_pairs(tables))
    pairs.set_xscale("symlog", linthresh=1)
    pairs.set(title="Pairs of different pictures that match", xlim=(-0.3, LIMIT_OF_PAIRS))
    pairs.set_xticks([0, 1, 10, 100, 1000, 10_000], ["0", "1", "10", "100", "1,000", "10,000"])
    draw_bars(speed, speeds(tables))
    speed.set_xscale("log")
    speed.set(title="Images per second", xlim=(1, 4000))
    speed.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
    for axes in (copies, pairs, speed):
        axes.grid(axis="x", color="#dddddd", linewidth=0.8)
        axes.minorticks_off()
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(length=0)
    for label, colour, marker in WAYS.values():
        copies.scatter([], [], 40, colour, marker=marker, label=label)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=CHART)
    given = parser.parse_args()
    # The same figures give the same file, and its text can be searched.
    mpl.rcParams |= {"svg.hashsalt": "imagesearch", "svg.fonttype": "none", "axes.titlesize": 11, "font.size": 9}
    tables = list(read_tables(RECORD.read_text()))
    draw(tables).savefig(given.output, metadata={"Date": None, "Description": describe(tables)})


if __name__ == "__main__":
    main()
