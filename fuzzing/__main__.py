"""Hash mutated files in worker processes, and report what is neither a hash nor a `ValueError`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzzing.mutations import mutated_file
from hashing.fingerprint.limits import DEFAULT_MAX_BYTES, DEFAULT_MAX_PIXELS
from hashing.workers.pool import HashingPool
from hashing.workers.worker import Job, Outcome

SECONDS_BETWEEN_LINES = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=int, nargs="?", default=100_000, help="how many (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="seed of the first file (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=20, help="seconds for one file (default: %(default)s)")
    parser.add_argument("--keep", type=Path, help="folder for the files that did harm")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    shown = time.monotonic()
    for outcome in outcomes(range(options.first, options.first + options.files), options.timeout):
        kind = kind_of(outcome)
        counts[kind] += 1
        if kind not in {"hash", "ValueError"}:
            print(f"seed {outcome.pk}: {outcome.error}", flush=True)
            if options.keep:
                keep(options.keep, outcome.pk)
        if time.monotonic() - shown > SECONDS_BETWEEN_LINES:
            shown = time.monotonic()
            print(f"{counts.total()} of {options.files}", file=sys.stderr, flush=True)
    print(", ".join(f"{kind}: {count}" for kind, count in sorted(counts.items())))
    return 0 if counts.keys() <= {"hash", "ValueError"} and counts.total() == options.files else 1


def outcomes(seeds: range, timeout: float) -> Iterator[Outcome]:
    """Hash the files of these seeds in as many processes as there are cores; yield the outcomes, with seeds as keys."""
    pool = HashingPool(os.cpu_count() or 1, timeout, DEFAULT_MAX_PIXELS, DEFAULT_MAX_BYTES)
    with TemporaryDirectory() as name, pool:
        folder, waiting = Path(name), iter(seeds)
        while True:
            while pool.has_room and (chunk := list(islice(waiting, pool.chunk_size))):
                pool.submit([job_of(seed, folder) for seed in chunk])
            if pool.is_idle:
                return
            for outcome in pool.outcomes(wait=1):
                (folder / str(outcome.pk)).unlink()
                yield outcome


def job_of(seed: int, folder: Path) -> Job:
    path = folder / str(seed)
    path.write_bytes(mutated_file(seed)[1])
    return Job(seed, path.name, str(path))


def kind_of(outcome: Outcome) -> str:
    return "hash" if outcome.fingerprint else outcome.error.partition(":")[0]


def keep(folder: Path, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name, content = mutated_file(seed)
    (folder / f"{seed}.{name.lower()}").write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
