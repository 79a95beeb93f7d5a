"""The signals for receivers of the site."""

from __future__ import annotations

import logging
from functools import partial

import pytest
from django.core.files.base import ContentFile
from django.db import transaction

from hashing.backfill import backfill_perceptual_hashes
from hashing.models import DuplicateGroup, ImageAsset
from hashing.signals import duplicates_found, image_hashed
from samples.pictures import encoded, photo
from tests.conftest import refuse

pytestmark = pytest.mark.django_db(transaction=True)


def upload(seed=1, name="photo.png"):
    return ContentFile(encoded(photo(seed=seed, size=(96, 72)), "PNG"), name)


def test_upload_is_announced_with_its_hash(media, listen):
    sent = listen(image_hashed)
    asset = ImageAsset.objects.create(image=upload())
    assert [(each["asset"], each["using"]) for each in sent] == [(asset, "default")]
    assert sent[0]["asset"].perceptual_hash == asset.perceptual_hash


def test_upload_is_announced_after_the_commit(media, listen):
    sent = listen(image_hashed)
    with transaction.atomic():
        ImageAsset.objects.create(image=upload())
        assert sent == []
    assert len(sent) == 1


def test_rolled_back_upload_is_not_announced(media, listen):
    sent = listen(image_hashed)
    with transaction.atomic():
        ImageAsset.objects.create(image=upload())
        transaction.set_rollback(True)
    assert sent == []


def test_backfill_announces_what_it_has_hashed(add_image, listen):
    hashed = [add_image(f"{number}.jpg") for number in range(3)]
    add_image("broken.jpg", content=b"broken")
    sent = listen(image_hashed)
    assert backfill_perceptual_hashes(workers=1, batch_size=2)["processed"] == 3
    assert sorted(each["asset"].pk for each in sent) == [asset.pk for asset in hashed]
    assert all(each["asset"].perceptual_hash for each in sent)


def test_backfill_sends_nothing_without_a_receiver(add_image, monkeypatch, caplog):
    add_image("a.jpg")
    monkeypatch.setattr("hashing.signals.image_hashed.send_robust", refuse)
    assert backfill_perceptual_hashes(workers=1)["processed"] == 1
    assert caplog.records == []


@pytest.mark.parametrize("receiver", [refuse, partial(refuse)], ids=["function", "partial"])
def test_receiver_that_raises_is_logged_and_stops_nothing(add_image, listen, receiver, caplog):
    for number in range(3):
        add_image(f"{number}.jpg")
    listen(image_hashed, receiver)
    with caplog.at_level(logging.ERROR):
        result = backfill_perceptual_hashes(workers=1)
    assert (result["status"], result["processed"]) == ("completed", 3)
    assert len(caplog.records) == 3


def test_receiver_that_raises_leaves_the_upload_hashed(media, listen, caplog):
    listen(image_hashed, refuse)
    listen(duplicates_found, refuse)
    first, second = (ImageAsset.objects.create(image=upload(name=name)) for name in ("a.png", "b.png"))
    assert DuplicateGroup.objects.get().members.count() == 2
    assert first.perceptual_hash == second.perceptual_hash
    assert "the receiver is broken" in caplog.text


def test_upload_that_joins_a_group_is_announced(media, listen):
    sent = listen(duplicates_found)
    ImageAsset.objects.create(image=upload(name="a.png"))
    ImageAsset.objects.create(image=upload(seed=2, name="b.png"))
    assert sent == []
    copy = ImageAsset.objects.create(image=upload(name="c.png"))
    [found] = sent
    assert found["asset"] == copy
    assert list(found["groups"]) == [DuplicateGroup.objects.get()]
