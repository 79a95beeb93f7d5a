from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import uuid

import pytest
from django.core.management import CommandError, call_command

from hashing.backfill import engine
from hashing.management.commands.backfill_hashes import Command
from hashing.models import ImageAsset, PairDecision
from hashing.perceptual_hash import compute_perceptual_hash
from samples.pictures import photo

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


def test_results_block_is_printed_and_a_failure_exits_with_1(add_image, capsys):
    add_image()
    gone = add_image("gone.jpg", content=None)
    assert run("--no-progress") == 1
    assert capsys.readouterr().out == BLOCK.format(gone.pk)


def test_success_exits_with_0(add_image, capsys):
    asset = add_image()
    assert run("--limit", "7", "--batch-size", "3", "--workers", "1") == 0
    out = capsys.readouterr().out
    assert "(batch-size=3, limit=7)" in out
    assert "Errors" not in out
    asset.refresh_from_db()
    assert asset.perceptual_hash == compute_perceptual_hash(asset.image.path)


def test_empty_table_is_completed(media, capsys):
    assert run() == 0
    assert "Status: COMPLETED\nTotal assets: 0\n" in capsys.readouterr().out


def test_json_on_stdout_moves_the_text_to_stderr(add_image, capsys):
    add_image()
    assert run("--json", "-", "--no-progress") == 0
    output = capsys.readouterr()
    counts = {"total": 1, "processed": 1, "failed": 0, "left_out": 0}
    assert json.loads(output.out) == {"status": "completed", "errors": [], **counts}
    assert "HASH BACKFILL RESULTS" in output.err


def test_json_is_written_to_a_file(add_image, capsys, tmp_path):
    add_image()
    assert run("--json", str(tmp_path / "result.json")) == 0
    assert json.loads((tmp_path / "result.json").read_text())["processed"] == 1
    assert "HASH BACKFILL RESULTS" in capsys.readouterr().out


def test_progress_is_written_as_lines_without_a_terminal(add_image, capsys):
    add_image()
    run()
    assert "Hashing: 1 of 1" in capsys.readouterr().err


def test_no_progress_writes_nothing_to_stderr(add_image, capsys):
    add_image()
    run("--no-progress")
    assert capsys.readouterr().err == ""


def test_dry_run_writes_nothing(add_image, capsys):
    asset = add_image()
    add_image("gone.jpg", content=None)
    assert run("--dry-run") == 1
    assert "Processed: 1\nFailed: 1" in capsys.readouterr().out
    asset.refresh_from_db()
    assert asset.perceptual_hash is None
    assert not ImageAsset.objects.failed().exists()


def test_skip_failed_skips_failed_rows(add_image):
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


def test_rehash_supersedes_decisions_about_a_file_replaced_under_its_name(add_image):
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


def test_start_and_end_keys_are_included(add_image):
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
@pytest.mark.any_database
def test_wrong_usage_exits_with_2(capsys, arguments):
    with pytest.raises(SystemExit) as end:
        Command().run_from_argv(["manage.py", "backfill_hashes", *arguments])
    assert end.value.code == 2
    output = capsys.readouterr()
    assert "error" in output.err.lower()
    assert output.out == ""


@pytest.mark.parametrize("wrong", [{"database": "elsewhere"}, {"json_file": "no/such/folder/x"}, {"start_pk": "first"}])
def test_wrong_usage_raises_for_call_command(wrong):
    with pytest.raises(CommandError) as refusal:
        call_command("backfill_hashes", **wrong)
    assert refusal.value.returncode == 2


def test_command_runs_outside_the_main_thread(add_image, capsys, monkeypatch):
    add_image("gone.jpg", content=None)
    monkeypatch.setattr(threading, "main_thread", lambda: None)
    assert run() == 1


def test_interrupted_run_exits_with_130(add_image, capsys, monkeypatch):
    add_image()
    monkeypatch.setattr(engine, "is_local", lambda _: signal.raise_signal(signal.SIGINT) is None)
    assert run("--rehash") == 130
    output = capsys.readouterr()
    assert "Press Ctrl-C again" in output.err
    assert "run the same command again" in output.err


def test_wrong_numbers_raise_for_call_command():
    with pytest.raises(CommandError, match="batch_size must be at least 1") as refusal:
        call_command("backfill_hashes", batch_size=0)
    assert refusal.value.returncode == 2


def test_missing_table_is_reported(tmp_path):
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}"}
    done = subprocess.run(
        [sys.executable, "manage.py", "backfill_hashes"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "The database cannot be read: no such table" in done.stdout
