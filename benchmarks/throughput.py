"""Images a second: a plain loop, the bare decoding that two processes could do at most, and the backfill.

On SQLite, and on PostgreSQL when `DATABASE_URL` names a server: `python -m servers.postgresql python -m
benchmarks.throughput`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.photographs import FIVE_HUNDRED_PIXELS, TWELVE_MEGAPIXELS, TWELVE_MEGAPIXELS_GRAINY, PhotographSet
from benchmarks.rounds import Figures, median_of_rounds
from benchmarks.scratch_site import fill, scratch_site
from benchmarks.table import print_table, print_versions

WORKERS = 2
HEADS = ["photographs", "plain loop", "bare, 2 processes", "backfill", "backfill / loop", "backfill / bare", "writing"]


def plain_loop(folder: Path, images: int) -> Figures:
    """What one would write first: open, hash, save, one after the other."""
    import imagehash
    from PIL import Image

    from hashing.models import ImageAsset

    fill(file_names(folder), images)
    began = time.perf_counter()
    for asset in ImageAsset.objects.iterator():
        with Image.open(asset.image.path) as image:
            asset.perceptual_hash = str(imagehash.dhash(image))
        asset.save()
    return {"rate": images / (time.perf_counter() - began)}


def bare(folder: Path, images: int) -> Figures:
    from benchmarks.bare_hashing import bare_rate

    return {"rate": bare_rate(sorted(folder.iterdir()), images, WORKERS)}


def backfill(folder: Path, images: int) -> Figures:
    """From the call to its return: starting the workers, reading the rows and writing them are in it."""
    from hashing.backfill import backfill_perceptual_hashes

    fill(file_names(folder), images)
    with timed_writes() as spent:
        began = time.perf_counter()
        result = backfill_perceptual_hashes(workers=WORKERS)
        seconds = time.perf_counter() - began
    if result["processed"] != images:
        raise SystemExit(f"The backfill has not hashed all: {result}")
    return {"rate": images / seconds, "writing": 100 * sum(spent) / seconds}


def file_names(folder: Path) -> list[str]:
    return [f"{folder.name}/{path.name}" for path in sorted(folder.iterdir())]


@contextmanager
def timed_writes() -> Iterator[list[float]]:
    """The seconds of every call of `OutcomeWriter.write` in the block."""
    from hashing.backfill.writer import OutcomeWriter

    plain, spent = OutcomeWriter.write, []

    def timed(self: OutcomeWriter, outcomes: Sequence[Any], versions: Mapping[Any, int]) -> Iterator[Any]:
        began = time.perf_counter()
        written = list(plain(self, outcomes, versions))
        spent.append(time.perf_counter() - began)
        return iter(written)

    OutcomeWriter.write = timed  # type: ignore[method-assign]
    try:
        yield spent
    finally:
        OutcomeWriter.write = plain  # type: ignore[method-assign]


def measure(photographs: PhotographSet, loop_images: int, images: int, rounds: int) -> list[object]:
    folder = photographs.paths()[0].parent
    ways = {
        "loop": partial(plain_loop, folder, loop_images),
        "bare": partial(bare, folder, images),
        "backfill": partial(backfill, folder, images),
    }
    found = median_of_rounds(rounds, ways)
    loop, ceiling, ours = (found[name]["rate"] for name in ways)
    ratios = [f"{ours / loop:.1f}", f"{ours / ceiling:.2f}", f"{found['backfill']['writing']:.1f}%"]
    return [photographs.name, f"{loop:.1f}/s", f"{ceiling:.0f}/s", f"{ours:.0f}/s", *ratios]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", type=int, default=240, help="photographs of 12 MP (the loop does an eighth)")
    parser.add_argument("--small", type=int, default=4000, help="photographs of 500 px (the loop does a quarter)")
    given = parser.parse_args()
    media_root = TWELVE_MEGAPIXELS.paths()[0].parent.parent
    with scratch_site(media_root) as database:
        rows = [
            measure(TWELVE_MEGAPIXELS, given.large // 8, given.large, given.rounds),
            measure(TWELVE_MEGAPIXELS_GRAINY, given.large // 8, given.large, given.rounds),
            measure(FIVE_HUNDRED_PIXELS, given.small // 4, given.small, given.rounds),
        ]
        print_table(f"Images a second, {database}, median of {given.rounds} rounds", HEADS, rows)
    print_versions("Django", "pillow", "numpy", "ImageHash")


if __name__ == "__main__":
    main()
