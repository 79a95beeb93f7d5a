"""Everything works in a second database without touching the default one."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command

from hashing.backfill import backfill_perceptual_hashes, hash_shard, split_into_shards
from hashing.backfill.options import BackfillOptions
from hashing.backfill.run import hash_row
from hashing.grouping import find_duplicates
from hashing.models import BackfillRun, DuplicateGroup, GroupMember, ImageAsset
from samples.pictures import encoded, photo
from tests.databases.other_database import OTHER, other_database  # noqa: F401

pytestmark = pytest.mark.django_db(databases=["default", OTHER], transaction=True)


@pytest.fixture
def add(media):
    """Add rows of one photograph to the second database, and rows with the same keys and names to the default one."""

    def made(*names: str) -> list[ImageAsset]:
        for name in names:
            photo(size=(96, 72)).save(media / name)
        rows = [ImageAsset(pk=key, image=name) for key, name in enumerate(names, 1)]
        for alias in ("default", OTHER):
            ImageAsset.objects.using(alias).bulk_create(rows)
        return rows

    yield made
    assert not ImageAsset.objects.using("default").exclude(perceptual_hash=None, hash_error="").exists()
    assert not DuplicateGroup.objects.using("default").exists()
    assert not BackfillRun.objects.using("default").exists()


@pytest.mark.parametrize("chosen", ["option", "queryset"])
def test_backfill(add, chosen):
    add("a.png", "b.png")
    rows = ImageAsset.objects.using(OTHER)
    where = {"using": OTHER} if chosen == "option" else {"queryset": rows.all()}
    result = backfill_perceptual_hashes(workers=1, **where)
    assert result["processed"] == rows.hashed().count() == 2
    assert BackfillRun.objects.using(OTHER).get().processed == 2


def test_failure(add, media):
    [asset] = add("a.png")
    (media / "a.png").write_bytes(b"broken")
    assert backfill_perceptual_hashes(workers=1, using=OTHER)["failed"] == 1
    assert ImageAsset.objects.using(OTHER).failed().get() == asset


def test_shard(add):
    add("a.png")
    [job] = split_into_shards(BackfillOptions(using=OTHER), workers=1)
    assert hash_shard(**job.as_arguments())["processed"] == 1


def test_hash_row(add):
    [asset] = add("a.png")
    written = hash_row(asset.pk, "a.png", OTHER)
    asset.refresh_from_db()
    assert written["perceptual_hash"] == asset.perceptual_hash is not None


@pytest.mark.parametrize("on_upload", ["inline", "task"])
def test_upload_joins_its_duplicate(add, settings, on_upload):
    add("a.png")
    backfill_perceptual_hashes(workers=1, using=OTHER)
    settings.HASHING = {"ON_UPLOAD": on_upload}
    upload = ImageAsset(image=ContentFile(encoded(photo(size=(96, 72)), "PNG"), "upload.png"))
    upload.save(using=OTHER)
    assert GroupMember.objects.using(OTHER).count() == 2


def test_groups(add):
    add("a.png", "b.png", "c.png")
    backfill_perceptual_hashes(workers=1, using=OTHER)
    assert len(find_duplicates(using=OTHER).groups) == 1
    assert DuplicateGroup.objects.using(OTHER).get().size == 3


def test_deletion_from_a_group(add):
    first, *_ = add("a.png", "b.png", "c.png")
    backfill_perceptual_hashes(workers=1, using=OTHER)
    find_duplicates(using=OTHER)
    first.delete()
    assert DuplicateGroup.objects.using(OTHER).get().size == 2


def test_commands(add, media, tmp_path, capsys):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        photo(size=(96, 72)).save(folder / name)
    call_command("import_images", str(folder), database=OTHER)
    call_command("backfill_hashes", database=OTHER, workers=1)
    call_command("find_duplicates", database=OTHER)
    assert "Groups: 1" in capsys.readouterr().out
    assert ImageAsset.objects.using(OTHER).hashed().count() == 2
    assert not ImageAsset.objects.using("default").exists()
