"""Seconds and memory to find all pairs of near hashes, and how much longer FAISS takes to compare each with each.

Hashes are made up (`benchmarks.generated_hashes`). Each search runs in a process of its own; it takes one core, FAISS
takes all. FAISS takes part when it is installed (`pip install faiss-cpu`); the project does not need it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from benchmarks.generated_hashes import generate_hashes
from benchmarks.memory import own_peak
from benchmarks.rounds import Figures, median_of_rounds
from benchmarks.table import print_table, print_versions
from hashing.pairs.near_pairs import find_near_pairs
from hashing.pairs.turned_pairs import find_turned_pairs

HEADS = ["hashes", "distance", "confirmed", "pairs", "seconds", "CPU seconds", "peak, MB"]
MILLION = 1_000_000
SEED = 1

Timing = tuple[int, float, float]
Search = Callable[[int, int], Timing]


def near(count: int, distance: int) -> Timing:
    hashes = generate_hashes(count, SEED)
    return timed(lambda: len(find_near_pairs(*hashes, distance, None).first))


def near_confirmed(count: int, distance: int) -> Timing:
    hashes = generate_hashes(count, SEED)
    return timed(lambda: len(find_near_pairs(*hashes, distance, distance).first))


def near_with_equal_ones(count: int, distance: int) -> Timing:
    """A fifth are one picture, which is searched for once."""
    couples = np.stack(generate_hashes(count, SEED), axis=1)
    couples[: count // 5] = couples[0]
    couples = np.unique(couples, axis=0)
    perceptual, vertical = couples[:, 0].copy(), couples[:, 1].copy()
    return timed(lambda: len(find_near_pairs(perceptual, vertical, distance, distance).first))


def near_with_a_crowd(count: int, distance: int) -> Timing:
    """A fifth share the perceptual hash, and have vertical ones of all kinds."""
    perceptual, vertical = generate_hashes(count, SEED)
    perceptual[: count // 5] = perceptual[0]
    vertical[: count // 5] = np.random.default_rng(SEED).integers(0, 1 << 64, count // 5, np.uint64)
    return timed(lambda: len(find_near_pairs(perceptual, vertical, distance, distance).first))


def turned(count: int, distance: int) -> Timing:
    hashes = generate_hashes(count, SEED)
    return timed(lambda: len(find_turned_pairs(*hashes, distance, distance).first))


def faiss(count: int, distance: int) -> Timing:
    """Compares each with each, in both directions and with itself."""
    from faiss import IndexBinaryFlat

    codes = generate_hashes(count, SEED)[0].view(np.uint8).reshape(count, 8)
    index = IndexBinaryFlat(64)
    index.add(codes)
    # It finds what is nearer than the limit.
    return timed(lambda: (len(index.range_search(codes, distance + 1)[1]) - count) // 2)


def timed(search: Callable[[], int]) -> Timing:
    """Number of pairs, seconds and CPU seconds."""
    started, cpu_started = time.perf_counter(), time.process_time()
    pairs = search()
    return pairs, time.perf_counter() - started, time.process_time() - cpu_started


SEARCHES: dict[str, Search] = {
    search.__name__: search for search in (near, near_confirmed, near_with_equal_ones, near_with_a_crowd, turned, faiss)
}
NOTES = {
    "near": ("", "no"),
    "near_confirmed": ("", "yes"),
    "near_with_equal_ones": (", a fifth equal", "yes"),
    "near_with_a_crowd": (", a fifth with one perceptual hash", "yes"),
    "turned": (", turned in seven ways", "yes"),
}


def alone(name: str, count: int, distance: int) -> Figures:
    """The figures of a search in a fresh interpreter."""
    command = [sys.executable, "-m", "benchmarks.pairs", "--alone", name, "--sizes", str(count)]
    done = subprocess.run([*command, "--distances", str(distance)], check=True, capture_output=True, text=True)
    figures: Figures = json.loads(done.stdout)
    return figures


def tell_figures(name: str, count: int, distance: int) -> None:
    pairs, seconds, cpu = SEARCHES[name](count, distance)
    print(json.dumps({"pairs": pairs, "seconds": seconds, "cpu": cpu, "peak": own_peak()}))


def show_searches(wanted: list[tuple[str, int, int]], rounds: int) -> None:
    ways = {f"{name} {count} {distance}": _measuring(name, count, distance) for name, count, distance in wanted}
    found = median_of_rounds(rounds, ways)
    rows: list[list[object]] = []
    for (name, count, distance), each in zip(wanted, found.values(), strict=True):
        note, confirmed = NOTES[name]
        numbers = [f"{int(each['pairs']):,}", each["seconds"], each["cpu"], each["peak"]]
        rows.append([f"{count:,}{note}", distance, confirmed, *numbers])
    print_table(f"All pairs of near hashes, median of {rounds} rounds", HEADS, rows)


def compare_with_faiss(count: int, distance: int, rounds: int) -> None:
    if not find_spec("faiss"):
        print("FAISS is not installed (pip install faiss-cpu), so nothing is compared with it.", file=sys.stderr)
        return
    theirs = alone("faiss", count, distance)
    ours = median_of_rounds(rounds, {"near": _measuring("near", count, distance)})["near"]
    if ours["pairs"] != theirs["pairs"]:
        raise SystemExit(f"FAISS has found {theirs['pairs']} pairs, find_near_pairs {ours['pairs']}")
    rows = [
        [name, f"{count:,}", each["seconds"], each["cpu"], each["seconds"] / ours["seconds"]]
        for name, each in {"find_near_pairs": ours, "IndexBinaryFlat.range_search": theirs}.items()
    ]
    heads = ["way", "hashes", "seconds", "CPU seconds", "seconds against ours"]
    print_table(f"Against FAISS at distance {distance}, once, and the median of {rounds} of ours", heads, rows)
    print_versions("faiss-cpu")


def _measuring(name: str, count: int, distance: int) -> Callable[[], Figures]:
    return lambda: alone(name, count, distance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="*", default=[MILLION], help="10000000 takes a minute a round")
    parser.add_argument("--distances", type=int, nargs="*", default=[5], help="10 takes a minute a round")
    parser.add_argument("--searches", nargs="*", choices=NOTES, default=list(NOTES))
    parser.add_argument("--faiss", type=int, default=MILLION, help="hashes to compare FAISS at; 0 for not at all")
    parser.add_argument("--alone", choices=SEARCHES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        tell_figures(given.alone, given.sizes[0], given.distances[0])
        return
    wanted = [(name, size, distance) for size in given.sizes for distance in given.distances for name in given.searches]
    if wanted:
        show_searches(wanted, given.rounds)
    if given.faiss:
        compare_with_faiss(given.faiss, given.distances[0], given.rounds)
    print_versions("numpy")


if __name__ == "__main__":
    main()
