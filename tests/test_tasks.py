from __future__ import annotations

import pytest
from django.core.files.base import ContentFile

from hashing.models import ImageAsset
from hashing.tasks import has_queue, hash_upload, task_backends
from samples.pictures import encoded, photo

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def by_task(media, settings):
    settings.HASHING = {"ON_UPLOAD": "task"}


@pytest.fixture
def queue(settings):
    """A queue that records tasks and runs none."""
    kind = type(task_backends["default"]).__module__.replace("immediate", "dummy")
    settings.TASKS = {"default": {"BACKEND": f"{kind}.DummyBackend"}}
    return task_backends["default"]


def upload() -> ContentFile:
    return ContentFile(encoded(photo(size=(96, 72)), "PNG"), "photo.png")


def test_upload_is_hashed_without_a_queue(by_task):
    asset = ImageAsset.objects.create(image=upload())
    asset.refresh_from_db()
    assert asset.perceptual_hash


def test_upload_waits_in_the_queue(by_task, queue):
    asset = ImageAsset.objects.create(image=upload())
    [result] = queue.results
    assert result.args == [asset.pk, asset.image.name, "default"]
    assert has_queue(hash_upload)
    hash_upload.call(*result.args)
    asset.refresh_from_db()
    assert asset.perceptual_hash


def test_task_skips_a_row_with_a_newer_file(by_task, queue):
    asset = ImageAsset.objects.create(image=upload())
    [result] = queue.results
    ImageAsset.objects.update(image="newer.png")
    hash_upload.call(*result.args)
    asset.refresh_from_db()
    assert (asset.perceptual_hash, asset.hash_error) == (None, "")


def test_immediate_backend_is_no_queue():
    assert not has_queue(hash_upload)
