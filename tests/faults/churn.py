"""What people do to a site while commands run: `python -m tests.faults.churn SEED STEPS`.

They upload, replace and delete pictures, and decide about groups. Each thing that is done and stored is a line on
stdout: `decided BATCH LOWER HIGHER VERDICT`, `added PK`, `replaced PK`, `deleted PK`.
"""

from __future__ import annotations

import random
import sys

import django


def main(seed: int, steps: int) -> None:
    django.setup()
    from tests.faults.people import People

    people = People(random.Random(seed), tell)
    for _ in range(steps):
        people.do_something()


def tell(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
