from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from hashing.models import ImageAsset
from samples.pictures import photo
from tests.site_models.models import Picture, Product


@pytest.fixture
def pictures(sources, media):
    for name in ("a.jpg", "b.jpg"):
        photo(seed=ord(name[0]), size=(160, 120)).save(media / name)
    Picture.objects.bulk_create([Picture(image="a.jpg")])
    Product.objects.bulk_create([Product(sku="A", front="b.jpg", back="gone.jpg")])


def test_counts_are_reported(pictures, capsys):
    call_command("sync_sources", "--no-progress")
    assert capsys.readouterr().out == "Sources: 3 added, 0 replaced, 0 shared, 0 removed.\n"
    call_command("sync_sources", "--no-progress")
    assert "0 added" in capsys.readouterr().out


def test_dry_run_writes_nothing(pictures, capsys):
    call_command("sync_sources", "site_models.Product", "--dry-run", "--no-progress")
    assert "Would be: 2 added" in capsys.readouterr().out
    assert not ImageAsset.objects.exists()


@pytest.mark.parametrize("command", ["sync_sources", "backfill_hashes", "find_duplicates"])
def test_unknown_source_is_wrong_usage(pictures, command):
    with pytest.raises(CommandError, match=r"no source 'blog.Photo'.*site_models.Picture.image") as refusal:
        call_command(command, "blog.Photo")
    assert refusal.value.returncode == 2


def test_backfill_registers_and_hashes_the_chosen_sources_only(pictures, capsys):
    call_command("backfill_hashes", "site_models.Picture", "--workers", "1", "--no-progress")
    output = capsys.readouterr().out
    assert output.startswith("Sources: 1 added")
    assert "Processed: 1" in output
    ImageAsset.objects.bulk_create([ImageAsset(image="b.jpg")])
    call_command("backfill_hashes", "site_models.picture.IMAGE", "--workers", "1", "--no-progress")
    assert "Total assets: 0" in capsys.readouterr().out


def test_queued_backfill_hashes_the_chosen_sources(pictures, capsys):
    call_command("backfill_hashes", "site_models.Picture", "--enqueue", "--workers", "1", "--no-progress")
    assert "Processed: 1" in capsys.readouterr().out
    assert ImageAsset.objects.get().perceptual_hash


def test_duplicates_are_found_in_the_chosen_sources(pictures, capsys):
    Product.objects.bulk_create([Product(sku=sku, front=f"{sku}.jpg") for sku in ("B", "C")])
    call_command("sync_sources", "--no-progress")
    ImageAsset.objects.exclude(image="gone.jpg").update(
        perceptual_hash="0f" * 8, vertical_hash="f0" * 8, detail_hash="0f" * 32, hash_quality=90, hash_version=1
    )
    call_command("find_duplicates", "site_models.Product.front", "--no-progress")
    assert list(ImageAsset.objects.filter(membership__isnull=False).values_list("source_id", flat=True)) == [
        "A",
        "B",
        "C",
    ]
