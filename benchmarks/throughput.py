"""Images a second: a plain loop, the decoding alone that two processes can do at most, and the backfill.

`python -m benchmarks.throughput` on SQLite, and after `python -m servers.postgresql` on PostgreSQL.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from ctypes import c_int
from functools import partial
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import imagehash
from PIL import Image
from threadpoolctl import threadpool_limits

from benchmarks.photographs import FIVE_HUNDRED_PIXELS, TWELVE_MEGAPIXELS, PhotographSet
from benchmarks.report import Figures, median_of_rounds, print_table, print_versions
from benchmarks.scratch_site import replace_by_pending_rows, scratch_site
from hashing.perceptual_hash import compute_fingerprint

WORKERS = 2
HEADS = ["photographs", "plain loop", "bare, 2 processes", "backfill", "backfill / loop", "backfill / bare", "writing"]


def plain_loop(folder: Path, images: int) -> Figures:
    """Open, hash and save one image after the other."""
    from hashing.models import ImageAsset

    replace_by_pending_rows(file_names(folder), images)
    began = time.perf_counter()
    for asset in ImageAsset.objects.iterator():
        with Image.open(asset.image.path) as image:
            asset.perceptual_hash = str(imagehash.dhash(image))
        asset.save()
    return {"rate": images / (time.perf_counter() - began)}


def bare_hashing(folder: Path, images: int) -> Figures:
    """Decode and hash in two processes, whose start is not counted, and do nothing else."""
    context = multiprocessing.get_context("spawn")
    start, following = context.Barrier(WORKERS + 1), context.Value(c_int, 0)
    arguments = (sorted(folder.iterdir()), images, start, following)
    workers = [context.Process(target=hash_until_done, args=arguments) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    start.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    return {"rate": images / (time.perf_counter() - began)}


def hash_until_done(paths: Sequence[Path], images: int, start: Barrier, following: Synchronized[int]) -> None:
    with threadpool_limits(1):
        start.wait()
        while (number := _take_number(following)) < images:
            with paths[number % len(paths)].open("rb") as file:
                compute_fingerprint(file)


def _take_number(following: Synchronized[int]) -> int:
    with following.get_lock():
        following.value += 1
        return following.value - 1


def backfill(folder: Path, images: int) -> Figures:
    """Measure from the call to its return, with the start of the workers."""
    from hashing.backfill import backfill_perceptual_hashes

    replace_by_pending_rows(file_names(folder), images)
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
    """Yield the seconds of every call of `OutcomeWriter.write` in the block."""
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
        "bare": partial(bare_hashing, folder, images),
        "backfill": partial(backfill, folder, images),
    }
    found = median_of_rounds(rounds, ways)
    loop, bare, ours = (found[name]["rate"] for name in ways)
    ratios = [f"{ours / loop:.1f}", f"{ours / bare:.2f}", f"{found['backfill']['writing']:.1f}%"]
    return [photographs.name, f"{loop:.1f}/s", f"{bare:.0f}/s", f"{ours:.0f}/s", *ratios]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", type=int, default=240, help="photographs of 12 MP (the loop takes an eighth)")
    parser.add_argument("--small", type=int, default=4000, help="photographs of 500 px (the loop takes a quarter)")
    given = parser.parse_args()
    media_root = TWELVE_MEGAPIXELS.paths()[0].parent.parent
    with scratch_site(media_root) as database:
        rows = [
            measure(TWELVE_MEGAPIXELS, given.large // 8, given.large, given.rounds),
            measure(FIVE_HUNDRED_PIXELS, given.small // 4, given.small, given.rounds),
        ]
        print_table(f"Images a second, {database}, median of {given.rounds} rounds", HEADS, rows)
    print_versions("Django", "pillow", "numpy", "ImageHash")


if __name__ == "__main__":
    main()
