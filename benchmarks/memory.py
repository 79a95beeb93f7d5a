"""Peak memory of the main process of a backfill: the same for few rows and for many."""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from benchmarks.scratch_site import fill, scratch_site
from benchmarks.table import print_table, print_versions

DISTINCT_FILES = 50
HEADS = ["rows", "peak of the main process, MB", "against the fewest rows"]


def make_pictures(folder: Path) -> list[str]:
    """Names of tiny PNG files. Many rows may share a file: what counts here is rows."""
    names = [f"{number}.png" for number in range(DISTINCT_FILES)]
    for name in names:
        Image.effect_noise((32, 32), 64).save(folder / name)
    return names


def peak_of_a_backfill() -> float:
    """In MB, of a backfill in a fresh interpreter, on the database that is open here."""
    from django.db import connection

    settings = connection.settings_dict
    command = [sys.executable, "-m", "benchmarks.memory", "--database-name", str(settings["NAME"])]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def backfill_and_tell_peak(database_name: str) -> None:
    import django
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = database_name
    django.setup()
    from hashing.backfill import backfill_perceptual_hashes

    result = backfill_perceptual_hashes(workers=2)
    if result["failed"] or result["status"] != "completed" or not result["processed"]:
        raise SystemExit(f"The backfill has not hashed all: {result}")
    print(own_peak())


def own_peak() -> float:
    """Most memory that this process has held so far, in MB."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    # On Linux, ru_maxrss also counts what the parent held when it started this process.
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    return int(found[1]) / 1024 if found else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[2_000, 200_000])
    parser.add_argument("--database-name", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.database_name:
        backfill_and_tell_peak(given.database_name)
        return
    with tempfile.TemporaryDirectory() as folder, scratch_site(Path(folder)) as database:
        names = make_pictures(Path(folder))
        peaks = []
        for rows in given.rows:
            fill(names, rows)
            peaks.append(peak_of_a_backfill())
        table = [[f"{rows:,}", peak, f"{peak / peaks[0]:.2f}"] for rows, peak in zip(given.rows, peaks, strict=True)]
        print_table(f"Memory, {database}", HEADS, table)
    print_versions("Django", "numpy", "pillow")


if __name__ == "__main__":
    main()
