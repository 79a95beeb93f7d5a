from __future__ import annotations

import io
import json
import subprocess
import sys
from argparse import ArgumentTypeError

import pytest
from django.core.management import CommandError, call_command
from django.db import router

from hashing.management.base import at_least, seconds
from hashing.management.commands.find_duplicates import Command
from hashing.models import ImageAsset
from servers.site import CHECKOUT, Site
from tests.management.broken_output import closed_pipe, full_disk

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


def run(stdout, name: str, *arguments: str, **options) -> int:
    try:
        call_command(name, *arguments, stdout=stdout, **options)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture(params=["backfill_hashes", "find_duplicates", "import_images"])
def command(request, media, tmp_path) -> list[str]:
    if request.param != "import_images":
        return [request.param]
    (tmp_path / "empty").mkdir()
    return [request.param, str(tmp_path / "empty")]


def test_closed_pipe_exits_with_141_and_no_message(command, capsys):
    with closed_pipe() as pipe:
        assert run(pipe, *command, "--no-progress") == 141
    assert capsys.readouterr().err == ""


def test_full_disk_is_reported_and_exits_with_1(command, capsys):
    with full_disk() as full:
        assert run(full, *command, "--no-progress") == 1
    assert "Not all results could be written to stdout: No space left on device" in capsys.readouterr().err


def test_closed_pipe_costs_no_image_and_does_not_hide_a_failure(add_image, capsys):
    asset = add_image()
    add_image("gone.jpg", content=None)
    with closed_pipe() as pipe:
        assert run(pipe, "backfill_hashes", "--workers", "1") == 1
    asset.refresh_from_db()
    assert asset.perceptual_hash


def test_closed_stderr_costs_no_image(add_image):
    asset = add_image()
    with closed_pipe() as pipe:
        assert run(io.StringIO(), "backfill_hashes", "--workers", "1", stderr=pipe) == 0
    asset.refresh_from_db()
    assert asset.perceptual_hash


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_results_are_written_in_any_encoding(add_image, encoding):
    add_image("写真.jpg", content=None)
    content = io.BytesIO()
    with io.TextIOWrapper(content, encoding=encoding) as stdout:
        assert run(stdout, "backfill_hashes", "--no-progress", "--workers", "1") == 1
        assert b"Failed: 1\n" in content.getvalue()
        assert b"\\u5199\\u771f.jpg" in content.getvalue()


@pytest.mark.parametrize(
    "arguments",
    [("backfill_hashes", "--json", "/dev/full"), ("find_duplicates", "--output", "/dev/full", "--format", "csv")],
)
def test_unwritable_result_file_is_reported(media, capsys, arguments):
    assert run(sys.stdout, *arguments, "--no-progress") == 1
    output = capsys.readouterr()
    assert output.err == "Cannot write /dev/full: No space left on device\n"
    assert "=====" in output.out


@pytest.mark.parametrize(("command", "option"), [("backfill_hashes", "--json"), ("find_duplicates", "--output")])
def test_link_as_result_file_is_wrong_usage(media, tmp_path, command, option):
    (tmp_path / "x.csv").symlink_to(tmp_path / "other")
    with pytest.raises(CommandError, match="symbolic link") as refusal:
        call_command(command, option, str(tmp_path / "x.csv"))
    assert refusal.value.returncode == 2


def test_database_is_the_routers_choice_by_default(monkeypatch):
    monkeypatch.setattr(router, "db_for_write", lambda model: "elsewhere" if model is ImageAsset else "")
    assert Command().chosen_database(None) == "elsewhere"
    assert Command().chosen_database("default") == "default"


@pytest.mark.parametrize(
    ("shell", "status", "error"),
    [
        ("{manage} backfill_hashes --no-progress | true; exit ${{PIPESTATUS[0]}}", 141, ""),
        ("{manage} find_duplicates --no-progress >/dev/full", 1, "No space left on device"),
        ("{manage} find_duplicates --no-progress >&- 2>&-", 0, ""),
    ],
)
def test_process_exits_with_the_right_status(site: Site, shell, status, error):
    manage = f"{sys.executable} {CHECKOUT / 'manage.py'}"
    line = ["bash", "-c", shell.format(manage=manage)]
    done = subprocess.run(line, env=site.environment, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert error in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert bool(done.stderr) is bool(error)


def test_json_file_is_complete_after_a_closed_pipe(media, tmp_path):
    with closed_pipe() as pipe:
        assert run(pipe, "backfill_hashes", "--json", str(tmp_path / "x.json"), "--no-progress") == 141
    assert json.loads((tmp_path / "x.json").read_text())["left_out"] == 0


def test_numbers_from_the_minimum_up_are_accepted():
    assert at_least(1)("1") == 1
    assert seconds("0.5") == 0.5


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "many", ""])
def test_other_numbers_are_refused(text):
    with pytest.raises(ArgumentTypeError):
        at_least(1)(text)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon", ""])
def test_other_durations_are_refused(text):
    with pytest.raises(ArgumentTypeError):
        seconds(text)
