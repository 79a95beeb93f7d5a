from __future__ import annotations

import csv
import hashlib
import io
import json
import signal
import time
from contextlib import closing

import pytest
from django.core.management import CommandError, call_command

from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.models import DuplicateGroup, GroupMember, ImageAsset
from servers.site import Site

HASHED = {"hash_quality": 90, "hash_version": HASH_VERSION, "width": 10, "height": 10, "file_size": 1000}
HASH, OTHER_HASH = "0123456789abcdef", "f0e1d2c3b4a59687"


def add(perceptual: str = HASH, **fields) -> ImageAsset:
    hashes = {"perceptual_hash": perceptual, "vertical_hash": HASH, "detail_hash": 4 * HASH}
    values = {"image": "x.jpg", **hashes, **HASHED, **fields}
    return ImageAsset.objects.bulk_create([ImageAsset(**values)])[0]


def find(*arguments: str, **options) -> tuple[str, str]:
    """Return stdout and stderr."""
    stdout, stderr = io.StringIO(), io.StringIO()
    call_command("find_duplicates", *arguments, stdout=stdout, stderr=stderr, **options)
    return stdout.getvalue(), stderr.getvalue()


@pytest.fixture
def two_groups(db) -> list[ImageAsset]:
    return [add(), add(), add(OTHER_HASH), add(OTHER_HASH[:-1] + "4"), add("0" * 16)]


def stored() -> tuple[list, list]:
    return list(DuplicateGroup.objects.order_by("pk").values()), list(GroupMember.objects.order_by("pk").values())


def test_groups_are_stored_and_counted(two_groups):
    text, _ = find()
    assert "Groups: 2\nImages in groups: 4\nCould be freed: 2.0 KiB (2000 bytes)\nLargest group: 2" in text
    assert list(DuplicateGroup.objects.order_by("keeper").values_list("keeper", flat=True)) == [
        two_groups[0].pk,
        two_groups[2].pk,
    ]


def test_second_run_changes_nothing(two_groups):
    find()
    before = stored()
    text, _ = find()
    assert "Stored: nothing changed" in text
    assert stored() == before


def test_dry_run_stores_nothing(two_groups):
    text, _ = find("--dry-run")
    assert "Groups: 2" in text
    assert stored() == ([], [])


@pytest.mark.parametrize(("distance", "groups"), [("0", 1), ("9", 1), ("10", 2)])
def test_distance_is_an_option(two_groups, distance, groups):
    find("--max-distance", distance)
    assert DuplicateGroup.objects.count() == groups


def test_default_distance_is_a_setting(two_groups, settings):
    settings.HASHING = {"MAX_DISTANCE": 0}
    assert "Groups: 1" in find()[0]


def test_large_distance_causes_a_warning(two_groups):
    assert "different pictures" in find("--max-distance", "101")[1]
    assert find("--max-distance", "100")[1] == ""


def test_groups_are_written_also_by_a_dry_run(two_groups, tmp_path):
    find("--dry-run", "--output", str(tmp_path / "groups.jsonl"))
    first, copy, third, near, _ = (row.pk for row in two_groups)
    lines = map(json.loads, (tmp_path / "groups.jsonl").read_text().splitlines())
    assert [(line["keeper"], line["pk"], line["distance"]) for line in lines] == [
        (first, first, None),
        (first, copy, 0),
        (third, third, None),
        (third, near, 2),
    ]


def test_groups_are_stored_when_the_result_file_cannot_be_written(two_groups):
    with pytest.raises(SystemExit, match="1"):
        find("--output", "/dev/full", "--format", "csv")
    assert DuplicateGroup.objects.count() == 2


def test_stdout_has_the_groups_only(two_groups):
    out, err = find("--output", "-")
    assert [line["pk"] for line in csv.DictReader(io.StringIO(out))] == [str(row.pk) for row in two_groups[:4]]
    assert "Groups: 2" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "/nowhere/groups.csv"], "Cannot write a file at /nowhere/groups.csv"),
        (["--output", "groups.json"], "Name it with --format"),
        (["--format", "csv"], "--format needs --output"),
        (["--database", "other"], "no database 'other'"),
        (["--max-distance", "385"], "between 0 and 384"),
    ],
)
def test_wrong_usage_is_refused_before_the_run(two_groups, arguments, message):
    with pytest.raises(CommandError, match=message) as refusal:
        find(*arguments)
    assert refusal.value.returncode == 2
    assert stored() == ([], [])


def test_rows_hashed_during_the_run_are_grouped(two_groups, monkeypatch):
    from django.utils import timezone

    from hashing.grouping import full_run

    def slow(*arguments):
        found = find_groups(*arguments)
        add(hashed_at=timezone.now())
        return found

    find_groups = full_run.find_groups
    monkeypatch.setattr(full_run, "find_groups", slow)
    find()
    assert GroupMember.objects.count() == 5


@pytest.mark.slow
def test_next_run_completes_one_that_was_killed(site):
    texts = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(3000)]
    columns = "image, perceptual_hash, vertical_hash, detail_hash, hash_quality, hash_version, hash_error, created_at"
    marks = ", ".join(["?" if site.url.startswith("sqlite") else "%s"] * 4)
    with closing(site.connect()) as connection:
        connection.cursor().executemany(
            f"INSERT INTO hashing_imageasset ({columns}) VALUES ({marks}, 90, 1, '', '2026-01-01')",
            [(f"{text}-{copy}.jpg", text[:16], text[-16:], text) for text in texts for copy in "ab"],
        )
        connection.commit()
    process = site.start("find_duplicates", "--no-progress")
    wait_for_groups(site)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert "Groups: 3000" in site.run("find_duplicates", "--no-progress").stdout
    assert "nothing changed" in site.run("find_duplicates", "--no-progress").stdout


def wait_for_groups(site: Site) -> None:
    with closing(site.connect()) as connection:
        for _ in range(600):
            if connection.cursor().execute("SELECT COUNT(*) FROM hashing_duplicategroup").fetchone()[0]:
                return
            connection.commit()
            time.sleep(0.05)
    raise AssertionError("no group was stored")
