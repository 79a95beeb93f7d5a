"""Commands and workers that are killed at random moments lose nothing."""

from __future__ import annotations

import random
import signal
import time
from contextlib import closing

import pytest

from tests.faults.checker import (
    Stored,
    check_all,
    check_decisions,
    check_one_row_per_file,
    check_rows,
    find_lost_decisions,
)
from tests.faults.harness import SECONDS_OF_A_RUN, Library, finish, kill_one_worker, kill_within
from tests.faults.library import write_library

KILLS = 4
pytestmark = pytest.mark.slow


def test_a_backfill_is_completed_by_the_next_one(library: Library, dice: random.Random):
    library.add_rows(*write_library(library.media, pictures=60))
    for number in (signal.SIGKILL, signal.SIGTERM) * (KILLS // 2):
        run = library.start("backfill_hashes", "--batch-size", "4", "--workers", "2")
        kill_within(run, SECONDS_OF_A_RUN, dice, number)
        check_rows(Stored.of(library), complete=False)
    library.run_to_the_end("backfill_hashes")
    library.run_to_the_end("find_duplicates")
    assert len(check_all(library).groups) == 60


def test_killed_workers_lose_no_image(library: Library, dice: random.Random):
    library.add_rows(*write_library(library.media, pictures=60))
    run = library.start("backfill_hashes", "--batch-size", "4", "--workers", "2")
    while run.poll() is None:
        time.sleep(dice.uniform(0.1, 0.4))
        kill_one_worker(run.pid, dice)
    out = finish(run)
    check_rows(Stored.of(library), complete=False)
    # A run whose workers never live long enough gives up.
    assert "Status: COMPLETED" in out or "The worker processes do not run" in out
    library.run_to_the_end("backfill_hashes")
    check_rows(Stored.of(library))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
def test_an_import_is_completed_by_the_next_one(library: Library, dice: random.Random, tmp_path, number):
    source = tmp_path / "source"
    source.mkdir()
    names = write_library(source, pictures=400, copies=1)
    for _ in range(2):
        kill_within(library.start("import_images", str(source), "--batch-size", "10"), SECONDS_OF_A_RUN, dice, number)
        check_one_row_per_file(Stored.of(library))
    library.run_to_the_end("import_images", str(source))
    stored = Stored.of(library)
    check_one_row_per_file(stored)
    copies = [path for path in library.media.rglob("*") if path.is_file()]
    assert sorted(path.read_bytes() for path in copies) == sorted((source / name).read_bytes() for name in names)
    assert len(stored.assets) == len(names)


def test_decisions_survive_killed_groupings_and_editors(library: Library, dice: random.Random):
    library.add_rows(*write_library(library.media, pictures=12, copies=4))
    library.run_to_the_end("backfill_hashes")
    library.run_to_the_end("find_duplicates")
    output = ""
    for _ in range(KILLS):
        editors = library.churn(dice.randrange(1_000_000), steps=1000)
        kill_within(library.start("find_duplicates"), SECONDS_OF_A_RUN, dice, signal.SIGKILL)
        output += kill_within(editors, SECONDS_OF_A_RUN, dice, signal.SIGKILL)
        check_decisions(Stored.of(library))
    library.run_to_the_end("backfill_hashes")
    library.run_to_the_end("find_duplicates")
    stored = check_all(library)
    assert find_lost_decisions(stored, output) == []


def test_a_move_to_another_version_is_completed_by_the_next_one(library: Library, dice: random.Random):
    library.add_rows(*write_library(library.media, pictures=60))
    library.run_to_the_end("backfill_hashes")
    library.run_to_the_end("find_duplicates")
    before = Stored.of(library).groups
    with closing(library.connect()) as connection:
        connection.cursor().execute("UPDATE hashing_imageasset SET hash_version = 0")
        connection.commit()
    for _ in range(2):
        kill_within(library.start("backfill_hashes", "--stale", "--batch-size", "4"), 1.5, dice, signal.SIGKILL)
        check_rows(Stored.of(library))
        library.run_to_the_end("find_duplicates")
        assert Stored.of(library).groups == before
    library.run_to_the_end("backfill_hashes", "--stale")
    assert {version for (version,) in library.rows("hash_version")} == {1}
    library.run_to_the_end("find_duplicates")
    assert check_all(library).groups == before


def test_an_import_of_hashes_is_completed_by_the_next_one(library: Library, dice: random.Random):
    library.add_rows(*write_library(library.media, pictures=60))
    library.run_to_the_end("backfill_hashes")
    file = library.folder / "hashes.csv"
    library.run_to_the_end("export_hashes", "--output", str(file))
    expected = library.rows()
    with closing(library.connect()) as connection:
        connection.cursor().execute("UPDATE hashing_imageasset SET perceptual_hash = NULL, hash_version = NULL")
        connection.commit()
    for _ in range(2):
        kill_within(library.start("import_hashes", str(file)), 1.0, dice, signal.SIGKILL)
    library.run_to_the_end("import_hashes", str(file))
    assert library.rows() == expected
    check_rows(Stored.of(library))
