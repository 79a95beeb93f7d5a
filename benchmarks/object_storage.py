"""Images a second from an S3 server with latency: one file at a time, and the backfill.

The server is moto, in a process of its own on this machine, which waits before every answer. It takes its share of the
same cores, a few milliseconds for each request.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks.photographs import FIVE_HUNDRED_PIXELS
from benchmarks.rounds import Figures, median_of_rounds
from benchmarks.scratch_site import fill, scratch_site
from benchmarks.table import print_table, print_versions
from servers.s3_storage import STATISTICS

BUCKET = "pictures"
LOOP = "one file at a time"
HEADS = ["way", "images a second", "against the loop", "requests a file", "CPU ms a file in the server"]


@contextmanager
def server(latency: float) -> Iterator[str]:
    """The address of an S3 server."""
    command = [sys.executable, "-m", "servers.s3", str(latency)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def store(paths: list[Path]) -> list[str]:
    """Put the files into a new bucket. Returns their names."""
    from django.core.files.storage import default_storage

    storage: Any = default_storage
    storage.connection.create_bucket(Bucket=BUCKET)
    bucket = storage.bucket
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda path: bucket.put_object(Key=path.name, Body=path.read_bytes()), paths))
    return [path.name for path in paths]


def loop(names: list[str], images: int) -> Figures:
    """What one would write first: open through the storage, hash, save, one after the other."""
    from hashing.models import ImageAsset
    from hashing.perceptual_hash import compute_fingerprint

    fill(names, images)
    with measured(images) as figures:
        for asset in ImageAsset.objects.iterator():
            with asset.image.open("rb") as file:
                asset.perceptual_hash = compute_fingerprint(file).perceptual_hash
            asset.save()
    return figures


def backfill(names: list[str], images: int, workers: int) -> Figures:
    """From the call to its return: starting the workers, with their connections, is in it."""
    from hashing.backfill import backfill_perceptual_hashes

    fill(names, images)
    with measured(images) as figures:
        result = backfill_perceptual_hashes(workers=workers)
    if result["processed"] != images:
        raise SystemExit(f"The backfill has not hashed all: {result}")
    return figures


@contextmanager
def measured(images: int) -> Iterator[Figures]:
    figures: Figures = {}
    requests, cpu = _statistics()
    began = time.perf_counter()
    yield figures
    figures["rate"] = images / (time.perf_counter() - began)
    after, cpu_after = _statistics()
    figures["requests"] = (after - requests) / images
    figures["cpu"] = 1000 * (cpu_after - cpu) / images


def _statistics() -> tuple[int, float]:
    """Requests that the server has answered, and the seconds of CPU time that it has taken."""
    with urlopen(os.environ["S3_ENDPOINT"] + STATISTICS) as answer:
        requests, cpu = json.load(answer)
    return sum(requests.values()), cpu


def measure(latency: float, images: int, rounds: int, workers: list[int]) -> None:
    names = store(FIVE_HUNDRED_PIXELS.paths())
    ways = {LOOP: partial(loop, names, images // 16)}
    ways |= {f"backfill, {number} workers": partial(backfill, names, images, number) for number in workers}
    found = median_of_rounds(rounds, ways)
    base = found[LOOP]["rate"]
    rows = [
        [way, f"{each['rate']:.1f}", f"{each['rate'] / base:.1f}", f"{each['requests']:.2f}", f"{each['cpu']:.1f}"]
        for way, each in found.items()
    ]
    print_table(f"S3 with {1000 * latency:g} ms of latency, median of {rounds} rounds", HEADS, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=1600, help="photographs of 500 px (the loop does a sixteenth)")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds before every answer")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    given = parser.parse_args()
    with server(given.latency) as endpoint:
        os.environ |= {"S3_ENDPOINT": endpoint, "S3_BUCKET": BUCKET}
        with scratch_site(Path(), "servers.s3_settings"):
            measure(given.latency, given.images, given.rounds, given.workers)
    print_versions("Django", "django-storages", "boto3", "moto", "pillow")


if __name__ == "__main__":
    main()
