"""Kill commands and editors at random moments, and count what is wrong afterwards.

`python -m benchmarks.kills [--kills 100] [--seed 1]`; with `python -m servers.postgresql` before it, on PostgreSQL.
Each round kills a backfill, an import, a grouping and an editor's process, runs the commands once more, and checks
every row, group, decision and file by other means than the product's (`tests.faults.checker`).
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

from servers.site import migrate_database, site_database
from tests.faults.checker import Stored, check_all, check_one_row_per_file, find_lost_decisions
from tests.faults.harness import SECONDS_OF_A_RUN, Library, kill_within
from tests.faults.library import write_library

COMMANDS = 4


def run_round(folder: Path, template: str, dice: random.Random) -> Counter[str]:
    """Counts of lost decisions, lost files and failed checks."""
    source = folder / "source"
    source.mkdir()
    imported = write_library(source, pictures=60, copies=1, prefix="imported")
    with site_database(folder, template) as url:
        library = Library.made_in(folder, url)
        library.add_rows(*write_library(library.media, pictures=12, copies=4))
        library.run_to_the_end("backfill_hashes", "--limit", "40")
        library.run_to_the_end("find_duplicates")
        people = library.churn(dice.randrange(1_000_000), steps=1000)
        commands = [
            library.start("backfill_hashes", "--batch-size", "3"),
            library.start("import_images", str(source), "--batch-size", "5"),
            library.start("find_duplicates"),
        ]
        told = "".join(kill_within(each, SECONDS_OF_A_RUN / 4, dice, signal.SIGKILL) for each in [*commands, people])
        for command in (["import_images", str(source)], ["backfill_hashes"], ["find_duplicates"]):
            library.run_to_the_end(*command)
        return count_damage(library, told, len(imported))


def count_damage(library: Library, told: str, imported: int) -> Counter[str]:
    damage: Counter[str] = Counter()
    try:
        check_all(library)
        check_one_row_per_file(Stored.of(library))
    except AssertionError as error:
        sys.stderr.write(f"{error}\n")
        damage["failed checks"] += 1
    stored = Stored.of(library)
    damage["lost decisions"] += len(find_lost_decisions(stored, told))
    damage["decisions"] += sum(line.startswith("decided ") for line in told.splitlines())
    names = [asset.image for asset in stored.assets.values()]
    damage["lost files"] += imported - sum(name.startswith("imported/") for name in names)
    damage["lost files"] += sum(not (library.media / name).is_file() for name in names)
    damage["rows"] += len(names)
    return damage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    dice, total = random.Random(given.seed), Counter[str]()
    with tempfile.TemporaryDirectory() as name, site_database(Path(name)) as template:
        migrate_database(template)
        for number in range(given.kills // COMMANDS):
            folder = Path(name) / f"round-{number}"
            folder.mkdir()
            total += run_round(folder, template, dice)
    print(f"{given.kills // COMMANDS * COMMANDS} kills, {total['rows']} rows, {total['decisions']} decisions told:")
    for kind in ("failed checks", "lost decisions", "lost files"):
        print(f"  {kind}: {total[kind]}")


if __name__ == "__main__":
    main()
