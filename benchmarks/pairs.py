"""Seconds and memory to find all pairs of matching fingerprints in arrays, without a database.

The fingerprints are made up (`samples.generated_hashes`). Each search runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.report import Figures, median_of_rounds, peak_memory, print_table, print_versions
from hashing.fingerprint.orientations import TURNED
from hashing.fingerprint.similarity import DEFAULT_MAX_DISTANCE
from hashing.hamming_join.fingerprints import Fingerprints, RowKind
from hashing.hamming_join.orientation_join import orientation_join
from hashing.hamming_join.self_join import self_join
from samples.generated_hashes import generate_fingerprints

HEADS = ["fingerprints", "max_distance", "pairs", "seconds", "CPU seconds", "peak, MB"]
SEED = 1
LOWEST_QUALITY, HIGHEST_QUALITY = 35, 100
# As among photographs. The four middle rows of a hash are the bits between two bars.
FRAMED_SHARE = 0.17
BETWEEN_BARS = np.uint64(0x0000FFFFFFFF0000)

Search = Callable[[Fingerprints, int], int]


def find_upright(fingerprints: Fingerprints, max_distance: int) -> int:
    return len(self_join(fingerprints, max_distance).first)


def find_turned(fingerprints: Fingerprints, max_distance: int) -> int:
    return len(orientation_join(fingerprints, TURNED, max_distance).first)


WHOLES, INSIDES = "upright, a sixth framed, as wholes", "the same, with what is inside the frames"
SEARCHES: dict[str, Search] = {
    "upright": find_upright,
    WHOLES: find_upright,
    INSIDES: find_upright,
    "turned in seven ways": find_turned,
}


def make_fingerprints(search: str, count: int) -> Fingerprints:
    """Return the fingerprints of `count` pictures, and of what is inside their frames if that is compared.

    Half of the frames are bars above and below, of a quarter of the picture each.
    """
    random = np.random.default_rng(SEED)
    framed = round(FRAMED_SHARE * count) if search in {WHOLES, INSIDES} else 0
    perceptual, vertical, detail = generate_fingerprints(count + framed, SEED)
    quality = random.integers(LOWEST_QUALITY, HIGHEST_QUALITY, count + framed, endpoint=True)
    perceptual[: framed // 2] &= BETWEEN_BARS
    vertical[: framed // 2] &= BETWEEN_BARS
    kind = np.full(count + framed, RowKind.UNFRAMED, np.uint8)
    if search == INSIDES:
        kind[:framed], kind[count:] = RowKind.FRAMED, RowKind.INSIDE
    fingerprints = Fingerprints(perceptual, vertical, detail, quality.astype(np.uint8), kind)
    return fingerprints if search == INSIDES else fingerprints.take(slice(0, count))


def measure_here(search: str, count: int, max_distance: int) -> Figures:
    fingerprints = make_fingerprints(search, count)
    began, cpu_began = time.perf_counter(), time.process_time()
    pairs = SEARCHES[search](fingerprints, max_distance)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    return {"pairs": pairs, "seconds": seconds, "cpu": cpu, "peak": peak_memory()}


def measure_in_a_process(search: str, count: int, max_distance: int) -> Figures:
    command = [sys.executable, "-m", "benchmarks.pairs", "--here", search, str(count), str(max_distance)]
    figures: Figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000_000], help="10000000 takes half an hour a round")
    parser.add_argument("--distances", type=int, nargs="*", default=[50, DEFAULT_MAX_DISTANCE])
    parser.add_argument("--here", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        search, count, distance = given.here
        print(json.dumps(measure_here(search, int(count), int(distance))))
        return
    searches = [(name, size, limit) for size in given.sizes for limit in given.distances for name in SEARCHES]
    ways = {
        f"{name} {size} {limit}": partial(measure_in_a_process, name, size, limit) for name, size, limit in searches
    }
    rows: list[list[object]] = []
    for (name, size, limit), found in zip(searches, median_of_rounds(given.rounds, ways).values(), strict=True):
        figures = [f"{int(found['pairs']):,}", found["seconds"], found["cpu"], found["peak"]]
        rows.append([f"{size:,}, {name}", limit, *figures])
    print_table(f"All pairs of matching fingerprints, median of {given.rounds} rounds", HEADS, rows)
    print_versions("numpy")


if __name__ == "__main__":
    main()
