"""Edit a site while commands run: `python -m tests.faults.churn SEED STEPS`.

Editors upload, replace and delete images, and decide about groups. They print a line for each change that is
stored: `decided BATCH LOWER HIGHER VERDICT`, `added PK`, `replaced PK`, `deleted PK`.
"""

from __future__ import annotations

import random
import sys

import django


def main(seed: int, steps: int) -> None:
    django.setup()
    from tests.faults.editors import Editors

    editors = Editors(random.Random(seed), report)
    for _ in range(steps):
        editors.do_something()


def report(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
