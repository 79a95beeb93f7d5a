"""A full disk, for the files and for the database."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import connection

from tests.faults.checker import Stored, check_all, check_one_row_per_file, check_rows
from tests.faults.harness import Library
from tests.faults.library import write_library


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A folder on a file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.any_database
def test_an_import_that_fills_the_disk_keeps_what_it_has_copied(library: Library, small_disk, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    names = write_library(source, pictures=100, copies=1)
    library.environment["MEDIA_ROOT"] = str(small_disk)
    done = library.run("import_images", str(source), "--batch-size", "10")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    stored = Stored.of(library)
    check_one_row_per_file(stored)
    assert 0 < len(stored.assets) < len(names)
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    library.run_to_the_end("import_images", str(source))
    library.run_to_the_end("backfill_hashes")
    stored = Stored.of(library)
    check_rows(stored)
    assert len(stored.assets) == len(names)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a server has another disk")
def test_a_database_whose_disk_is_full_stops_the_run_and_marks_nothing(library: Library, small_disk):
    library.add_rows(*write_library(library.media, pictures=60))
    home = Path(library.url.removeprefix("sqlite:///"))
    (small_disk / home.name).write_bytes(home.read_bytes())
    library.url = library.environment["DATABASE_URL"] = f"sqlite:///{small_disk / home.name}"
    filler = small_disk / "filler"
    fill(filler)
    done = library.run("backfill_hashes", "--batch-size", "10")
    assert done.returncode == 1
    assert "Status: PARTIAL" in done.stdout
    assert "Traceback" not in done.stderr
    filler.unlink()
    stored = Stored.of(library)
    check_rows(stored, complete=False)
    assert {asset.error for asset in stored.assets.values()} == {""}
    library.run_to_the_end("backfill_hashes")
    library.run_to_the_end("find_duplicates")
    check_all(library)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
