from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command

from hashing.backfill import backfill_perceptual_hashes
from hashing.models import ImageAsset
from samples.pictures import encoded, waves

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.fixture(autouse=True)
def in_memory(settings):
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}


def add_rows(count: int, *, stored: bool = True) -> None:
    for number in range(count):
        if stored:
            default_storage.save(f"{number}.png", ContentFile(encoded(waves(seed=number), "PNG")))
    ImageAsset.objects.bulk_create(ImageAsset(image=f"{number}.png") for number in range(count))


def test_files_in_the_memory_of_this_process_are_hashed_here():
    add_rows(30)
    default_storage.delete("3.png")
    default_storage.save("3.png", ContentFile(b"no picture"))
    result = backfill_perceptual_hashes()
    assert (result["status"], result["processed"], result["failed"]) == ("completed", 29, 1)
    assert ImageAsset.objects.hashed().count() == 29


def test_files_in_the_memory_of_another_process_are_an_outage(capsys):
    add_rows(41, stored=False)
    with pytest.raises(SystemExit):
        call_command("backfill_hashes", "--no-progress")
    assert "It has the files of this process alone" in capsys.readouterr().out
    assert not ImageAsset.objects.failed().exists()
