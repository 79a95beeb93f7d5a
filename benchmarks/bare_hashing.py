"""The ceiling of a backfill: processes that decode and hash, and do nothing else."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from ctypes import c_int
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier
from pathlib import Path

from threadpoolctl import threadpool_limits

from hashing.perceptual_hash import compute_fingerprint


def bare_rate(paths: Sequence[Path], images: int, processes: int) -> float:
    """Images a second for `images` images, the paths in turn. Starting the processes is not counted."""
    context = multiprocessing.get_context("spawn")
    start, following = context.Barrier(processes + 1), context.Value(c_int, 0)
    workers = [
        context.Process(target=_hash_until_done, args=(paths, images, start, following)) for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    start.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    return images / (time.perf_counter() - began)


def _hash_until_done(paths: Sequence[Path], images: int, start: Barrier, following: Synchronized[int]) -> None:
    with threadpool_limits(1):
        start.wait()
        while (number := _take(following)) < images:
            with paths[number % len(paths)].open("rb") as file:
                compute_fingerprint(file)


def _take(following: Synchronized[int]) -> int:
    with following.get_lock():
        following.value += 1
        return following.value - 1
