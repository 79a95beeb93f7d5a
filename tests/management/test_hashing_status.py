from __future__ import annotations

import io
import json
from argparse import ArgumentTypeError

import pytest
from django.core.management import BaseCommand, CommandError, call_command
from django.db import DatabaseError, OperationalError

from hashing.management.commands import hashing_status
from hashing.management.commands.hashing_status import UNKNOWN, age
from tests.observability.conftest import FAILED, HASHED, add_rows, add_run, ago

pytestmark = pytest.mark.django_db


def run(*arguments: str, **options: bool) -> tuple[int, str, str]:
    """Return the exit status, stdout and stderr."""
    stdout, stderr, status = io.StringIO(), io.StringIO(), 0
    try:
        call_command("hashing_status", *arguments, stdout=stdout, stderr=stderr, **options)
    except SystemExit as end:
        status = end.code
    return status, stdout.getvalue(), stderr.getvalue()


def test_the_first_line_is_the_verdict():
    add_rows(3, **HASHED), add_rows(2, created_at=ago(7300)), add_rows(1, **FAILED)
    add_run(began=250, ended=150, stopped="the storage\nis down")
    status, text, _err = run()
    assert status == 0
    assert text.splitlines() == [
        "OK: 2 waiting, 1 failed, 3 hashed",
        "Images: 6",
        "Oldest waiting: 2 hours, 1 minute",
        "0 groups to review",
        "Last backfill: stopped early, ended 2 minutes ago, 450 done, 50 failed, 5.0 images/s, the storage\\nis down",
    ]


def test_a_limit_that_is_exceeded_is_an_exit_status():
    add_rows(2)
    status, text, _err = run("--max-waiting", "1", "--max-failed", "0")
    assert status == 1
    assert text.splitlines()[:2] == ["PROBLEM: 2 images wait, above the limit of 1", "2 waiting, 0 failed, 0 hashed"]


def test_json_on_stdout_is_alone_there():
    add_rows(2)
    status, out, err = run("--json", "-", "--max-waiting", "1")
    record = json.loads(out)
    assert (status, record["status"], record["problems"], record["waiting"]) == (1, "problem", ["waiting"], 2)
    assert err.startswith("PROBLEM: ")


def test_a_database_that_cannot_be_read_is_unknown(monkeypatch):
    def fail(*_arguments):
        raise DatabaseError("no such table: hashing_imageasset")

    monkeypatch.setattr(hashing_status, "collect_figures", fail)
    status, text, _err = run()
    assert status == UNKNOWN
    assert text.startswith("UNKNOWN: the database cannot be read: no such table: hashing_imageasset.")


def test_a_database_that_fails_in_the_checks_of_django_is_unknown(monkeypatch):
    def fail(*_arguments, **_options):
        raise OperationalError("unable to open database file")

    monkeypatch.setattr(BaseCommand, "check", fail)
    status, text, err = run("--json", "-", skip_checks=False)
    assert (status, text) == (UNKNOWN, "")
    assert err.startswith("UNKNOWN: the database cannot be read: unable to open database file.")
    with pytest.raises(CommandError, match="The database cannot be used: unable to open database file"):
        call_command("find_duplicates", skip_checks=False)


def test_unknown_sources_are_wrong_usage():
    with pytest.raises(CommandError) as caught:
        run("blog.Nothing")
    assert caught.value.returncode == 2


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("1.5 h", 5400), ("1d", 86400)])
def test_ages_have_units(text, seconds):
    assert age(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "-1", "1w", "1e5", "nan", "9" * 400])
def test_other_ages_are_refused(text):
    with pytest.raises(ArgumentTypeError):
        age(text)
