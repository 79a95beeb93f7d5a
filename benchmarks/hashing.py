"""Milliseconds of one processor to hash a file, against `imagehash.dhash` of the same, in one process."""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from pathlib import Path

import imagehash
from PIL import Image
from threadpoolctl import threadpool_limits

from benchmarks.photographs import (
    ABOUT_FIVE_HUNDRED_PIXELS,
    FIVE_HUNDRED_PIXELS,
    MANY_SIZES,
    TWELVE_MEGAPIXELS,
    PhotographSet,
)
from benchmarks.table import print_table, print_versions
from hashing.perceptual_hash import compute_perceptual_hash

HEADS = ["photographs", "files", "imagehash.dhash", "all three hashes", "ratio"]
# Both ways take turns, so that what else the machine does slows both.
TURN = 25


def theirs(path: Path) -> None:
    imagehash.dhash(Image.open(path))


def milliseconds(paths: list[Path], rounds: int) -> list[float]:
    """Of a file, theirs and ours."""
    ways: tuple[Callable[[Path], object], ...] = (theirs, compute_perceptual_hash)
    spent = [0.0, 0.0]
    for _ in range(rounds):
        for start in range(0, len(paths), TURN):
            for number, way in enumerate(ways):
                began = time.process_time()
                for path in paths[start : start + TURN]:
                    way(path)
                spent[number] += time.process_time() - began
    return [1000 * seconds / len(paths) / rounds for seconds in spent]


def measure(photographs: PhotographSet, rounds: int) -> list[object]:
    paths = photographs.paths()
    random.Random(1).shuffle(paths)
    dhash, ours = milliseconds(paths, rounds)
    return [photographs.name, len(paths), f"{dhash:.2f} ms", f"{ours:.2f} ms", f"{ours / dhash:.2f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    rounds = parser.parse_args().rounds
    sets = (FIVE_HUNDRED_PIXELS, ABOUT_FIVE_HUNDRED_PIXELS, MANY_SIZES, TWELVE_MEGAPIXELS)
    with threadpool_limits(1):
        print_table("Hashing a file", HEADS, [measure(each, rounds) for each in sets])
    print_versions("pillow", "numpy", "ImageHash")


if __name__ == "__main__":
    main()
