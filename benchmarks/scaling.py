"""What many machines cost their database, on PostgreSQL: `python -m servers.postgresql python -m benchmarks.scaling`.

Names of parts leave the others out: dispatching, batches, growth, tasks.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.batch_sizes import print_batch_sizes
from benchmarks.dispatching import print_dispatching
from benchmarks.growth import print_growth
from benchmarks.photographs import FIVE_HUNDRED_PIXELS
from benchmarks.scratch_site import scratch_site
from benchmarks.table import print_versions
from benchmarks.task_overhead import print_task_overhead

PARTS = ["dispatching", "batches", "growth", "tasks"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--listed", type=int, default=1_000_000, help="rows of the to-do list that is cut")
    parser.add_argument("--written", type=int, default=200_000, help="rows that get made-up hashes")
    parser.add_argument("--images", type=int, default=2000, help="photographs of 500 px")
    given = parser.parse_args()
    parts = given.parts or PARTS
    folder = FIVE_HUNDRED_PIXELS.paths()[0].parent
    with scratch_site(folder.parent) as database:
        if database != "PostgreSQL":
            sys.exit("These figures are about PostgreSQL: python -m servers.postgresql python -m benchmarks.scaling")
        if "dispatching" in parts:
            print_dispatching(given.listed)
        if "batches" in parts:
            print_batch_sizes(folder, given.images, given.rounds)
        if "growth" in parts:
            print_growth(given.written)
        if "tasks" in parts:
            print_task_overhead(folder, given.images, given.rounds)
    print_versions("django", "psycopg", "django-tasks-db", "django-tasks-rq", "rq")


if __name__ == "__main__":
    main()
