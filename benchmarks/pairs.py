"""Seconds and memory to find all pairs of matching fingerprints, and how much longer FAISS takes to compare all.

Fingerprints are made up (`benchmarks.generated_hashes`). Each search runs in a process of its own and takes all
cores, as FAISS does. FAISS takes part when it is installed (`pip install faiss-cpu`); the project does not need it. It
compares the two small hashes alone, in as many bits as a `max_distance` allows them.
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

from benchmarks.generated_hashes import generate_fingerprints
from benchmarks.memory import own_peak
from benchmarks.rounds import Figures, median_of_rounds
from benchmarks.table import print_table, print_versions
from hashing.fingerprint.orientations import TURNED
from hashing.fingerprint.similarity import DEFAULT_MAX_DISTANCE, small_limit
from hashing.hamming_join.fingerprints import Fingerprints, Positions
from hashing.hamming_join.orientation_join import orientation_join
from hashing.hamming_join.pair_list import PairList
from hashing.hamming_join.self_join import self_join
from hashing.hamming_join.value_join import ValueJoin

HEADS = ["fingerprints", "max_distance", "pairs", "seconds", "CPU seconds", "peak, MB"]
MILLION = 1_000_000
SEED = 1
LOWEST_QUALITY, HIGHEST_QUALITY = 35, 100

Timing = tuple[int, float, float]
Search = Callable[[int, int], Timing]


def generated(count: int) -> Fingerprints:
    quality = np.random.default_rng(SEED).integers(LOWEST_QUALITY, HIGHEST_QUALITY, count, endpoint=True)
    return Fingerprints(*generate_fingerprints(count, SEED), quality.astype(np.uint8))


def matching(count: int, max_distance: int) -> Timing:
    fingerprints = generated(count)
    return timed(lambda: len(self_join(fingerprints, max_distance).first))


def matching_with_a_crowd(count: int, max_distance: int) -> Timing:
    """A fifth share the perceptual hash, and have the others of all kinds."""
    fingerprints = generated(count)
    fingerprints.perceptual[: count // 5] = fingerprints.perceptual[0]
    random = np.random.default_rng(SEED)
    fingerprints.vertical[: count // 5] = random.integers(0, 1 << 64, count // 5, np.uint64)
    return timed(lambda: len(self_join(fingerprints, max_distance).first))


def in_any_orientation(count: int, max_distance: int) -> Timing:
    fingerprints = generated(count)
    return timed(lambda: len(orientation_join(fingerprints, TURNED, max_distance).first))


def small_hashes(count: int, max_distance: int) -> Timing:
    """What FAISS can do as well."""
    fingerprints, found = generated(count), PairCount()
    both = np.unique(np.stack([fingerprints.perceptual, fingerprints.vertical], axis=1), axis=0).T.copy()
    return timed(lambda: found.of(ValueJoin(both[0], both[1], small_limit(max_distance), found.add)))


def faiss(count: int, max_distance: int) -> Timing:
    """Compares each with each, in both directions and with itself."""
    from faiss import IndexBinaryFlat

    fingerprints = generated(count)
    both = np.unique(np.stack([fingerprints.perceptual, fingerprints.vertical], axis=1), axis=0)
    codes = both.view(np.uint8).reshape(len(both), 16)
    index = IndexBinaryFlat(128)
    index.add(codes)
    # It finds what is nearer than the limit.
    return timed(lambda: (len(index.range_search(codes, small_limit(max_distance) + 1)[1]) - len(codes)) // 2)


class PairCount:
    """Pairs of values may be found more than once."""

    def __init__(self) -> None:
        self._pairs = PairList()

    def add(self, first: Positions, second: Positions) -> None:
        self._pairs.add(first, second)

    def of(self, join: ValueJoin) -> int:
        join.run()
        return len(self._pairs.sorted_pairs()[0])


def timed(search: Callable[[], int]) -> Timing:
    """Number of pairs, seconds and CPU seconds."""
    started, cpu_started = time.perf_counter(), time.process_time()
    pairs = search()
    return pairs, time.perf_counter() - started, time.process_time() - cpu_started


SEARCHES: dict[str, Search] = {
    search.__name__: search for search in (matching, matching_with_a_crowd, in_any_orientation, small_hashes, faiss)
}
NOTES = {
    "matching": "",
    "matching_with_a_crowd": ", a fifth with one perceptual hash",
    "in_any_orientation": ", turned in seven ways",
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
        numbers = [f"{int(each['pairs']):,}", each["seconds"], each["cpu"], each["peak"]]
        rows.append([f"{count:,}{NOTES[name]}", distance, *numbers])
    print_table(f"All pairs of matching fingerprints, median of {rounds} rounds", HEADS, rows)


def compare_with_faiss(count: int, distance: int, rounds: int) -> None:
    if not find_spec("faiss"):
        print("FAISS is not installed (pip install faiss-cpu), so nothing is compared with it.", file=sys.stderr)
        return
    theirs = alone("faiss", count, distance)
    ours = median_of_rounds(rounds, {"ours": _measuring("small_hashes", count, distance)})["ours"]
    if ours["pairs"] != theirs["pairs"]:
        raise SystemExit(f"FAISS has found {theirs['pairs']} pairs, ValueJoin {ours['pairs']}")
    rows = [
        [name, f"{count:,}", each["seconds"], each["cpu"], each["seconds"] / ours["seconds"]]
        for name, each in {"ValueJoin": ours, "IndexBinaryFlat.range_search": theirs}.items()
    ]
    heads = ["way", "fingerprints", "seconds", "CPU seconds", "seconds against ours"]
    print_table(
        f"Against FAISS at {small_limit(distance)} bits of 128, once, and the median of {rounds} of ours",
        heads,
        rows,
    )
    print_versions("faiss-cpu")


def _measuring(name: str, count: int, distance: int) -> Callable[[], Figures]:
    return lambda: alone(name, count, distance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="*", default=[MILLION], help="10000000 takes half an hour a round")
    parser.add_argument("--distances", type=int, nargs="*", default=[50, DEFAULT_MAX_DISTANCE])
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
