"""The command in its own process, with workers, signals, and a storage or a database that goes away."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from samples.pictures import photo
from servers.site import Site, wait_until
from tests.db.faults import only_postgresql

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.mark.any_database
def test_bad_files_do_not_affect_others(site: Site):
    site.add_photos(6)
    site.add_rows(
        "missing.png", "exits.png", "crashes.png", "hangs.png", "flaky.png", "../outside.png", "eats-memory.png"
    )
    done = site.run("backfill_hashes", "--timeout", "4")
    assert done.returncode == 1
    assert "Total assets: 13\nProcessed: 6\nFailed: 7\n" in done.stdout
    rows = site.rows()
    assert all(found for _, found, _ in rows[:6])
    errors = [error for _, _, error in rows[6:]]
    assert errors[:5] == [
        "File not found at missing.png",
        "ProcessExpired: The worker process died (exit status 3)",
        "ProcessExpired: The worker process died (SIGSEGV)",
        "TimeoutError: Not read within 3.6 seconds at hangs.png",
        "ConnectionResetError: connection reset by peer at flaky.png",
    ]
    assert errors[5].startswith("SuspiciousFileOperation: ")
    assert errors[6].startswith("MemoryError: ")


@pytest.mark.any_database
def test_image_whose_worker_was_killed_is_tried_again(site: Site):
    site.add_photos(1, prefix="killed-once-")
    done = site.run("backfill_hashes", "--workers", "1")
    assert (site.media / "KILLED").exists()
    assert "Processed: 1\nFailed: 0\n" in done.stdout


@pytest.mark.any_database
def test_storage_outage_marks_no_row(site: Site):
    site.add_photos(12)
    (site.media / "DOWN").touch()
    done = site.run("backfill_hashes")
    assert done.returncode == 1
    assert "Status: PARTIAL" in done.stdout
    assert "Stopped: The storage cannot be reached: connection refused" in done.stdout
    assert "run the same command again" in done.stderr
    assert {(found, error) for _, found, error in site.rows()} == {(None, "")}
    (site.media / "DOWN").unlink()
    assert site.run("backfill_hashes").returncode == 0


@pytest.mark.any_database
def test_storage_outage_during_the_run_keeps_what_was_read(site: Site):
    # With one worker, not all chunks end at the same time.
    process = start_slow_run(site, "--workers", "1")
    (site.media / "DOWN").touch()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Status: PARTIAL" in out
    assert 3 <= count_hashed(site) < 60
    assert {error for _, _, error in site.rows()} == {""}


def test_lost_database_stops_the_run_and_marks_no_row(site: Site):
    if site.url.startswith("sqlite"):
        pytest.skip("An SQLite file does not go away")
    process = start_slow_run(site)
    with site.database_unavailable():
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Status: PARTIAL" in out
    assert "Stopped: The database cannot be" in out
    assert "run the same command again" in err
    assert {error for _, _, error in site.rows()} == {""}
    assert site.run("backfill_hashes").returncode == 0


@only_postgresql
def test_short_database_outage_costs_no_row(site: Site):
    process = start_slow_run(site, "--workers", "1")
    with site.database_unavailable():
        time.sleep(1)
    out, _ = process.communicate(timeout=90)
    assert process.returncode == 0, out
    assert "Total assets: 60\nProcessed: 60\nFailed: 0\n=" in out


@only_postgresql
def test_read_only_database_stops_the_run_and_marks_no_row(site: Site):
    site.add_photos(40)
    site.set_for_sessions("default_transaction_read_only", "on")
    done = site.run("backfill_hashes", "--batch-size", "5", "--no-progress")
    assert done.returncode == 1
    assert "Status: PARTIAL\nTotal assets: 40\nProcessed: 0\nFailed: 0\nLeft out: 40\n" in done.stdout
    assert (
        "  - Stopped: The database cannot be written: cannot execute UPDATE in a read-only transaction\n" in done.stdout
    )
    assert "Nothing was written." in done.stderr
    assert {error for _, _, error in site.rows()} == {""}


@only_postgresql
def test_connection_cut_while_idle_is_replaced(site: Site, tmp_path):
    site.set_for_sessions("idle_session_timeout", "500ms")
    (tmp_path / "new").mkdir()
    for number in range(3):
        photo(seed=number, size=(96, 72)).save(tmp_path / "new" / f"slow-{number}.png")
    done = site.run("import_images", str(tmp_path / "new"), "--no-progress")
    assert "Registered: 3\n" in done.stdout, done.stderr
    site.add_photos(20, prefix="slow-")
    done = site.run("backfill_hashes", "--batch-size", "10", "--workers", "1", "--no-progress")
    assert "Processed: 23\nFailed: 0\n=" in done.stdout, done.stderr


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_saves_what_is_done_and_explains_how_to_continue(site: Site, number, status):
    process = start_slow_run(site)
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert "Status: PARTIAL" in out
    assert "Stopped: Interrupted" in out
    assert "run the same command again" in err
    done = sum(found is not None for _, found, _ in site.rows())
    assert f"Processed: {done}\nFailed: 0\n" in out
    assert 3 <= done < 60


@pytest.mark.any_database
def test_ctrl_c_that_also_reaches_the_workers_marks_no_row(site: Site):
    process = start_slow_run(site)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert {error for _, _, error in site.rows()} == {""}


@pytest.mark.any_database
def test_interrupted_rehash_names_the_key_to_continue_with(site: Site):
    process = start_slow_run(site, "--rehash")
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    first_open = next(key for key, found in site.rows("id, perceptual_hash") if found is None)
    assert f"again with --start-pk {first_open}." in err


@pytest.mark.any_database
def test_killed_command_leaves_no_process_behind(site: Site):
    process = start_slow_run(site)
    session = process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    wait_until(lambda: not processes_in(session))


def start_slow_run(site: Site, *arguments: str) -> subprocess.Popen[str]:
    site.add_photos(60, prefix="slow-")
    process = site.start("backfill_hashes", "--batch-size", "3", *arguments)
    wait_until(lambda: count_hashed(site) >= 3)
    return process


def count_hashed(site: Site) -> int:
    return sum(found is not None for _, found, _ in site.rows())


def processes_in(session: int) -> str:
    return subprocess.run(["pgrep", "--session", str(session)], capture_output=True, text=True, check=False).stdout
