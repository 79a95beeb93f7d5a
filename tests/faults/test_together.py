"""Many commands at once, while editors upload, replace, delete and decide."""

from __future__ import annotations

import random

import pytest

from tests.faults.checker import check_all, check_one_row_per_file
from tests.faults.harness import Library, finish
from tests.faults.library import write_library

pytestmark = pytest.mark.slow


def test_commands_and_editors_at_once(library: Library, dice: random.Random, tmp_path):
    library.add_rows(*write_library(library.media, pictures=25))
    source = tmp_path / "source"
    source.mkdir()
    write_library(source, pictures=60, copies=1, prefix="imported")
    editors = [library.churn(dice.randrange(1_000_000), steps=25) for _ in range(2)]
    commands = [
        library.start(*command)
        for command in (
            ("backfill_hashes", "--batch-size", "3", "--workers", "1"),
            ("import_images", str(source), "--batch-size", "7"),
            ("find_duplicates",),
        )
        for _ in range(5 if command[0] == "backfill_hashes" else 2)
    ]
    for process in (*commands, *editors):
        out = finish(process)
        assert process.returncode == 0, out
    library.run_to_the_end("backfill_hashes")
    library.run_to_the_end("find_duplicates")
    stored = check_all(library)
    check_one_row_per_file(stored)
    assert sum(asset.image.startswith("imported/") for asset in stored.assets.values()) == 60
