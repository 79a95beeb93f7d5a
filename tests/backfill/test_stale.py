"""Rows that are moved from one version of the hashes to another: here from 0 to the current."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from hashing.backfill import BackfillOptions, run_backfill
from hashing.backfill.sharding.shard import hash_shard, split_into_shards
from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.models import ImageAsset

pytestmark = pytest.mark.django_db

OLD = 0
Hashes = dict[int, tuple[str, str, str]]


def hashes() -> Hashes:
    columns = ("perceptual_hash", "vertical_hash", "detail_hash")
    return {pk: tuple(found) for pk, *found in ImageAsset.objects.values_list("pk", *columns)}


@pytest.fixture
def old_rows(add_image) -> list[int]:
    """Two originals with a copy each, and the hashes that an old version has computed: every bit is inverted."""
    for number, seed in enumerate((1, 2, 1, 2)):
        add_image(f"{number}.png", seed=seed)
    run_backfill(BackfillOptions(workers=1))
    for row in ImageAsset.objects.all():
        for name in ("perceptual_hash", "vertical_hash", "detail_hash"):
            setattr(row, name, getattr(row, name).translate(str.maketrans("0123456789abcdef", "fedcba9876543210")))
        # Other bytes, so that only the hashes match.
        row.hash_version, row.file_digest = OLD, None
        row.save(update_fields=["perceptual_hash", "vertical_hash", "detail_hash", "hash_version", "file_digest"])
    return list(ImageAsset.objects.order_by("pk").values_list("pk", flat=True))


def moved() -> list[int]:
    return list(ImageAsset.objects.filter(hash_version=HASH_VERSION).order_by("pk").values_list("pk", flat=True))


def similar(pk: int) -> list[int]:
    return [row.pk for row in ImageAsset.objects.similar_to(ImageAsset.objects.get(pk=pk))]


def test_old_hashes_stay_and_are_searched_until_they_are_replaced(old_rows):
    one, two, one_copy, two_copy = old_rows
    before = hashes()
    assert similar(one) == [one_copy]
    call_command("backfill_hashes", "--stale", "--limit", "3", "--batch-size", "1", "--workers", "1")
    assert moved() == [one, two, one_copy]
    assert hashes()[two_copy] == before[two_copy]
    assert similar(one) == [one_copy]
    assert similar(two) == similar(two_copy) == []
    # As after any interruption, the same command continues.
    call_command("backfill_hashes", "--stale", "--workers", "1")
    assert moved() == old_rows
    assert similar(two) == [two_copy]


def test_images_without_a_hash_are_left_to_other_runs(old_rows, add_image):
    add_image("new.png")
    add_image("broken.png", hash_error="broken")
    report = run_backfill(BackfillOptions(workers=1, stale=True))
    assert (report.total, report.processed) == (4, 4)
    assert moved() == old_rows


def test_a_backfill_leaves_old_hashes_alone_and_says_so(old_rows, add_image, capsys):
    before = hashes()
    added = add_image("new.png", seed=3)
    call_command("backfill_hashes", "--workers", "1")
    assert moved() == [added.pk]
    assert {pk: found for pk, found in hashes().items() if pk != added.pk} == before
    text = "The hashes of 4 images have another version"
    assert text in capsys.readouterr().err
    call_command("backfill_hashes", "--stale", "--workers", "1")
    call_command("backfill_hashes", "--workers", "1")
    assert text not in capsys.readouterr().err


def test_rehash_moves_old_rows_as_well(old_rows):
    call_command("backfill_hashes", "--rehash", "--workers", "1")
    assert moved() == old_rows


def test_file_that_is_missing_by_now_loses_its_old_hash(old_rows, media):
    (media / "0.png").unlink()
    with pytest.raises(SystemExit):
        call_command("backfill_hashes", "--stale", "--workers", "1")
    assert moved() == old_rows[1:]
    assert [row.pk for row in ImageAsset.objects.failed()] == old_rows[:1]


def test_shards_move_what_is_left_of_them(old_rows):
    shards = list(split_into_shards(BackfillOptions(stale=True), size=3, workers=1))
    assert [shard.size for shard in shards] == [3, 1]
    ImageAsset.objects.filter(pk=old_rows[0]).update(hash_version=HASH_VERSION)
    assert hash_shard(**shards[0].as_arguments())["processed"] == 2
    assert moved() == old_rows[:3]
    assert hash_shard(**shards[0].as_arguments())["total"] == 0
    assert [shard.size for shard in split_into_shards(BackfillOptions(stale=True), size=3)] == [1]


def test_old_rows_can_be_enqueued(old_rows):
    # Without a queue, the shards are hashed here.
    call_command("backfill_hashes", "--stale", "--enqueue", "--shard-size", "3", "--workers", "1")
    assert moved() == old_rows


def test_stale_and_rehash_exclude_each_other():
    with pytest.raises(CommandError, match="stale is for rows of other versions") as refusal:
        call_command("backfill_hashes", "--stale", "--rehash")
    assert refusal.value.returncode == 2
