"""How far the hashes, for which a JPEG is decoded at a reduced scale, are from those of the fully decoded picture."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import imagehash
from PIL import Image

from benchmarks.debian_wallpapers import photographs, wallpapers
from benchmarks.photographs import FIVE_HUNDRED_PIXELS, MANY_SIZES, TWELVE_MEGAPIXELS
from benchmarks.table import print_table, print_versions
from hashing.perceptual_hash import compute_fingerprint, compute_hash_hamming_distance

HEADS = ["pictures", "files", "hash", "equal", "within 1 bit", "within 4 bits", "mean", "maximum"]
FAR = 4


class Distances(NamedTuple):
    """Bits between our hash of a file and that of the full decode."""

    path: Path
    perceptual: int
    vertical: int
    detail: int


def compare(path: Path) -> Distances:
    with path.open("rb") as file:
        fingerprint = compute_fingerprint(file)
    with Image.open(path) as image:
        full = imagehash.dhash(image), imagehash.dhash_vertical(image), imagehash.phash(image, hash_size=16)
    return Distances(path, *map(compute_hash_hamming_distance, fingerprint[:3], map(str, full)))


def summary(name: str, found: list[Distances]) -> list[list[object]]:
    kinds = ("perceptual", "vertical", "detail")
    return [[name, len(found), kind, *_shares([getattr(each, kind) for each in found])] for kind in kinds]


def _shares(distances: list[int]) -> list[object]:
    within = [100 * sum(distance <= limit for distance in distances) / len(distances) for limit in (0, 1, FAR)]
    return [*(f"{share:.1f}%" for share in within), f"{fmean(distances):.2f}", max(distances)]


def _far_ones(found: Iterable[Distances]) -> list[list[object]]:
    far = [each for each in found if max(each.perceptual, each.vertical) > FAR]
    return [[each.path.name, _parents(each.path), each.perceptual, each.vertical] for each in far]


def _parents(path: Path) -> str:
    return "/".join(path.parts[-4:-1])


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    originals = photographs()
    drawn = [path for path in wallpapers() if path not in set(originals)]
    sets = {
        "photographs of 500 px": FIVE_HUNDRED_PIXELS.paths(),
        "photographs of 160 to 2,000 px": MANY_SIZES.paths(),
        "photographs of 12 MP": TWELVE_MEGAPIXELS.paths(),
        "original photographs": originals,
        "drawn wallpapers": drawn,
    }
    found = {name: [compare(path) for path in paths] for name, paths in sets.items() if paths}
    rows = [row for name, distances in found.items() for row in summary(name, distances)]
    print_table("Distance to the full decode", HEADS, rows)
    if far := [row for distances in found.values() for row in _far_ones(distances)]:
        print_table(f"Further than {FAR} bits", ["file", "folder", "perceptual", "vertical"], far)
    print_versions("pillow", "numpy", "ImageHash")


if __name__ == "__main__":
    main()
