"""What a larger batch saves: the share of a run that is writing, when 50 or 500 rows are written at a time."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from benchmarks.rounds import Figures, median_of_rounds
from benchmarks.scratch_site import fill
from benchmarks.table import print_table
from benchmarks.throughput import WORKERS, file_names, timed_writes

HEADS = ["rows a transaction", "images a second", "transactions a second", "ms a row", "writing"]
BATCHES = (50, 500)


def print_batch_sizes(folder: Path, images: int, rounds: int) -> None:
    ways = {str(size): partial(measure, folder, images, size) for size in BATCHES}
    found = median_of_rounds(rounds, ways)
    rows = [
        [size, f"{each['rate']:.0f}", each["rate"] / int(size), each["ms"], f"{each['share']:.1f}%"]
        for size, each in found.items()
    ]
    print_table(f"Batches, {images} photographs of 500 px, {WORKERS} workers, PostgreSQL", HEADS, rows)


def measure(folder: Path, images: int, batch_size: int) -> Figures:
    from hashing.backfill import backfill_perceptual_hashes

    fill(file_names(folder), images)
    with timed_writes() as spent:
        began = time.perf_counter()
        result = backfill_perceptual_hashes(batch_size, workers=WORKERS)
        seconds = time.perf_counter() - began
    if result["processed"] != images:
        raise SystemExit(f"The backfill has not hashed all: {result}")
    return {"rate": images / seconds, "ms": 1000 * sum(spent) / images, "share": 100 * sum(spent) / seconds}
