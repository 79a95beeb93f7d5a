from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid

import pytest
from django.core.management import CommandError, call_command

from hashing.backfill import engine
from hashing.models import ImageAsset, PairDecision
from hashing.perceptual_hash import compute_perceptual_hash
from samples.pictures import photo
from servers.site import Site
from tests.db.faults import only_postgresql

pytestmark = pytest.mark.django_db

BLOCK = """\
Backfilling perceptual hashes (batch-size=500, limit=all)...

============================================================
HASH BACKFILL RESULTS
============================================================
Status: COMPLETED
Total assets: 2
Processed: 1
Failed: 1

Errors (first 10):
  - Asset {}: File not found at gone.jpg
============================================================
"""


def run(*arguments: str, **options) -> int:
    """The exit status of the command."""
    try:
        call_command("backfill_hashes", *arguments, **options)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_prints_the_results_block_and_ends_with_1_after_a_failure(add_image, capsys):
    add_image()
    gone = add_image("gone.jpg", content=None)
    assert run("--no-progress") == 1
    assert capsys.readouterr().out == BLOCK.format(gone.pk)


def test_ends_with_0_when_all_are_hashed(add_image, capsys):
    asset = add_image()
    assert run("--limit", "7", "--batch-size", "3", "--workers", "1") == 0
    out = capsys.readouterr().out
    assert "(batch-size=3, limit=7)" in out
    assert "Errors" not in out
    asset.refresh_from_db()
    assert asset.perceptual_hash == compute_perceptual_hash(asset.image.path)


def test_has_nothing_to_do_for_an_empty_table(media, capsys):
    assert run() == 0
    assert "Status: COMPLETED\nTotal assets: 0\n" in capsys.readouterr().out


def test_json_on_stdout_is_all_of_stdout(add_image, capsys):
    add_image()
    assert run("--json", "-", "--no-progress") == 0
    output = capsys.readouterr()
    counts = {"total": 1, "processed": 1, "failed": 0, "left_out": 0}
    assert json.loads(output.out) == {"status": "completed", "errors": [], **counts}
    assert "HASH BACKFILL RESULTS" in output.err


def test_json_goes_to_a_file_beside_the_block(add_image, capsys, tmp_path):
    add_image()
    assert run("--json", str(tmp_path / "result.json")) == 0
    assert json.loads((tmp_path / "result.json").read_text())["processed"] == 1
    assert "HASH BACKFILL RESULTS" in capsys.readouterr().out


def test_reports_lines_where_there_is_no_terminal(add_image, capsys):
    add_image()
    run()
    assert "Hashing: 1 of 1" in capsys.readouterr().err


def test_no_progress_is_silent(add_image, capsys):
    add_image()
    run("--no-progress")
    assert capsys.readouterr().err == ""


def test_dry_run_reads_and_writes_nothing(add_image, capsys):
    asset = add_image()
    add_image("gone.jpg", content=None)
    assert run("--dry-run") == 1
    assert "Processed: 1\nFailed: 1" in capsys.readouterr().out
    asset.refresh_from_db()
    assert asset.perceptual_hash is None
    assert not ImageAsset.objects.failed().exists()


def test_skip_failed_leaves_failed_rows_alone(add_image):
    add_image("gone.jpg", content=None)
    assert run() == 1
    assert run("--skip-failed") == 0
    assert run() == 1


def test_rehash_replaces_hashes(add_image):
    asset = add_image(perceptual_hash="f" * 16)
    assert run() == 0
    asset.refresh_from_db()
    assert asset.perceptual_hash == "f" * 16
    assert run("--rehash") == 0
    asset.refresh_from_db()
    assert asset.perceptual_hash == compute_perceptual_hash(asset.image.path)


def test_rehash_ends_decisions_about_a_file_that_was_replaced_under_its_name(add_image):
    replaced, other, kept = (add_image(f"{name}.jpg", seed=seed) for seed, name in enumerate("abc"))
    assert run() == 0
    about_replaced, about_others = (
        PairDecision.objects.create(
            lower=lower,
            higher=higher,
            lower_file=lower.image.name,
            higher_file=higher.image.name,
            verdict=PairDecision.Verdict.DIFFERENT,
            batch=uuid.uuid4(),
        )
        for lower, higher in ((replaced, other), (other, kept))
    )
    assert set(PairDecision.objects.in_force()) == {about_replaced, about_others}
    photo(seed=9, size=(160, 120)).save(replaced.image.path)
    assert run("--rehash") == 0
    assert set(PairDecision.objects.in_force()) == {about_others}


def test_keys_bound_the_run_on_both_sides(add_image):
    keys = [add_image(f"{number}.png").pk for number in range(4)]
    assert run("--start-pk", str(keys[1]), "--end-pk", str(keys[2])) == 0
    assert list(ImageAsset.objects.hashed().order_by("pk").values_list("pk", flat=True)) == keys[1:3]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--limit", "many"],
        ["--limit", "-1"],
        ["--batch-size", "0"],
        ["--workers", "0"],
        ["--timeout", "0"],
        ["--timeout", "nan"],
        ["--start-pk", "first"],
        ["--database", "elsewhere"],
        ["--json", "no/such/folder/result.json"],
        ["--no-such-option"],
    ],
)
def test_wrong_usage_ends_with_2(site: Site, arguments):
    done = site.run("backfill_hashes", *arguments)
    assert done.returncode == 2
    assert "error" in done.stderr.lower()
    assert done.stdout == ""


@pytest.mark.parametrize("wrong", [{"database": "elsewhere"}, {"json_file": "no/such/folder/x"}, {"start_pk": "first"}])
def test_wrong_usage_of_a_caller_is_refused(wrong):
    with pytest.raises(CommandError) as refusal:
        call_command("backfill_hashes", **wrong)
    assert refusal.value.returncode == 2


def test_a_caller_outside_the_main_thread_is_served(add_image, capsys, monkeypatch):
    add_image("gone.jpg", content=None)
    monkeypatch.setattr(threading, "main_thread", lambda: None)
    assert run() == 1


def test_an_interrupted_run_in_process_ends_with_130(add_image, capsys, monkeypatch):
    add_image()
    monkeypatch.setattr(engine, "is_local", lambda _: signal.raise_signal(signal.SIGINT) is None)
    assert run("--rehash") == 130
    output = capsys.readouterr()
    assert "Press Ctrl-C again" in output.err
    assert "run the same command again" in output.err


def test_wrong_numbers_of_a_caller_are_refused():
    with pytest.raises(CommandError, match="batch_size must be at least 1") as refusal:
        call_command("backfill_hashes", batch_size=0)
    assert refusal.value.returncode == 2


def test_one_bad_file_never_costs_another(site: Site):
    site.add_photos(6)
    site.add_rows(
        "missing.png", "exits.png", "crashes.png", "hangs.png", "flaky.png", "../outside.png", "eats-memory.png"
    )
    done = site.run("backfill_hashes", "--timeout", "2")
    assert done.returncode == 1
    assert "Total assets: 13\nProcessed: 6\nFailed: 7\n" in done.stdout
    rows = site.rows()
    assert all(found for _, found, _ in rows[:6])
    errors = [error for _, _, error in rows[6:]]
    assert errors[:5] == [
        "File not found at missing.png",
        "ProcessExpired: The worker process died (exit status 3)",
        "ProcessExpired: The worker process died (SIGSEGV)",
        "TimeoutError: Not read within 1.8 seconds at hangs.png",
        "ConnectionResetError: connection reset by peer at flaky.png",
    ]
    assert errors[5].startswith("SuspiciousFileOperation: ")
    assert errors[6].startswith("MemoryError: ")


def test_image_whose_process_was_ended_once_is_tried_again(site: Site):
    site.add_photos(1, prefix="killed-once-")
    done = site.run("backfill_hashes", "--workers", "1")
    assert (site.media / "KILLED").exists()
    assert "Processed: 1\nFailed: 0\n" in done.stdout


def test_an_outage_of_the_storage_marks_nothing(site: Site):
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


def test_an_outage_half_way_keeps_what_was_read(site: Site):
    # Of one worker, whose chunks do not all end at once.
    process = start_slow_run(site, "--workers", "1")
    (site.media / "DOWN").touch()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Status: PARTIAL" in out
    assert 3 <= count_hashed(site) < 60
    assert {error for _, _, error in site.rows()} == {""}


def test_a_database_that_is_gone_ends_the_run_and_marks_nothing(site: Site):
    if site.url.startswith("sqlite"):
        pytest.skip("A file does not go away")
    process = start_slow_run(site)
    with site.database_away():
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Status: PARTIAL" in out
    assert "Stopped: The database cannot be" in out
    assert "run the same command again" in err
    assert {error for _, _, error in site.rows()} == {""}
    assert site.run("backfill_hashes").returncode == 0


@only_postgresql
def test_a_database_that_comes_back_soon_costs_nothing(site: Site):
    process = start_slow_run(site, "--workers", "1")
    with site.database_away():
        time.sleep(1)
    out, _ = process.communicate(timeout=90)
    assert process.returncode == 0, out
    assert "Total assets: 60\nProcessed: 60\nFailed: 0\n=" in out


@only_postgresql
def test_a_read_only_database_ends_the_run_at_once_and_marks_nothing(site: Site):
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
def test_connections_that_are_cut_while_idle_cost_nothing(site: Site, tmp_path):
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
def test_a_signal_saves_what_is_done_and_says_how_to_go_on(site: Site, number, status):
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


def test_ctrl_c_at_a_terminal_reaches_the_workers_too(site: Site):
    process = start_slow_run(site)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert {error for _, _, error in site.rows()} == {""}


def test_an_interrupted_rehash_names_the_key_to_go_on_with(site: Site):
    process = start_slow_run(site, "--rehash")
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    first_open = next(key for key, found in site.rows("id, perceptual_hash") if found is None)
    assert f"again with --start-pk {first_open}." in err


def test_killing_the_command_leaves_no_process_behind(site: Site):
    process = start_slow_run(site)
    session = process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    wait_until(lambda: not processes_in(session))


def test_a_database_without_the_table_is_told_plainly(tmp_path):
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}"}
    done = subprocess.run(
        [sys.executable, "manage.py", "backfill_hashes"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "The database cannot be read: no such table" in done.stdout


def start_slow_run(site: Site, *arguments: str) -> subprocess.Popen[str]:
    site.add_photos(60, prefix="slow-")
    process = site.start("backfill_hashes", "--batch-size", "3", *arguments)
    wait_until(lambda: count_hashed(site) >= 3)
    return process


def count_hashed(site: Site) -> int:
    return sum(found is not None for _, found, _ in site.rows())


def processes_in(session: int) -> str:
    return subprocess.run(["pgrep", "--session", str(session)], capture_output=True, text=True, check=False).stdout


def wait_until(condition) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "gave up waiting"
        time.sleep(0.02)
