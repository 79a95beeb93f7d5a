"""Milliseconds of one processor to hash a file, against `imagehash.dhash` of the same file, in one process."""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from pathlib import Path

import imagehash
from PIL import Image
from threadpoolctl import threadpool_limits

from benchmarks.photographs import FIVE_HUNDRED_PIXELS, MANY_SIZES, TWELVE_MEGAPIXELS, PhotographSet
from benchmarks.report import print_table, print_versions
from hashing.perceptual_hash import compute_perceptual_hash

HEADS = ["photographs", "files", "imagehash.dhash", "all three hashes", "ratio"]
# Both ways take turns, so that other load on the machine slows both.
TURN = 25


def hash_with_imagehash(path: Path) -> None:
    imagehash.dhash(Image.open(path))


def measure(photographs: PhotographSet, rounds: int, files: int) -> list[object]:
    paths = photographs.paths()
    random.Random(1).shuffle(paths)
    paths = paths[:files]
    ways: tuple[Callable[[Path], object], ...] = (hash_with_imagehash, compute_perceptual_hash)
    seconds = [0.0, 0.0]
    for _ in range(rounds):
        for start in range(0, len(paths), TURN):
            for number, way in enumerate(ways):
                began = time.process_time()
                for path in paths[start : start + TURN]:
                    way(path)
                seconds[number] += time.process_time() - began
    theirs, ours = (1000 * each / len(paths) / rounds for each in seconds)
    return [photographs.name, len(paths), f"{theirs:.2f} ms", f"{ours:.2f} ms", f"{ours / theirs:.2f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--files", type=int, default=1000, help="of each set, at most")
    given = parser.parse_args()
    with threadpool_limits(1):
        sets = (FIVE_HUNDRED_PIXELS, MANY_SIZES, TWELVE_MEGAPIXELS)
        print_table("Hashing a file", HEADS, [measure(each, given.rounds, given.files) for each in sets])
    print_versions("pillow", "numpy", "ImageHash")


if __name__ == "__main__":
    main()
