from __future__ import annotations

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.core.files.base import ContentFile

from hashing.admin.hashing_actions.selection import Selection
from hashing.admin.hashing_actions.tasks import QueuedSelection, hash_selected_shard, hash_selection
from hashing.models import ImageAsset
from hashing.tasks import LOW_PRIORITY, has_queue, hash_upload, task_backends
from samples.pictures import encoded, photo

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def by_task(media, settings):
    settings.HASHING = {"ON_UPLOAD": "task"}


@pytest.fixture
def queue(settings):
    """Takes tasks and runs none."""
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


def test_task_leaves_a_row_with_a_newer_file(by_task, queue):
    asset = ImageAsset.objects.create(image=upload())
    [result] = queue.results
    ImageAsset.objects.update(image="newer.png")
    hash_upload.call(*result.args)
    asset.refresh_from_db()
    assert (asset.perceptual_hash, asset.hash_error) == (None, "")


def test_immediate_backend_is_no_queue():
    assert not has_queue(hash_upload)


@pytest.fixture
def everything(db) -> dict[str, object]:
    """All pictures, as a user of the admin has selected them."""
    return QueuedSelection.of(User.objects.create_superuser("editor"), site, Selection(), rehash=False).as_arguments()


def test_selection_becomes_tasks_that_wait_behind_uploads(everything, queue, add_image):
    key = str(add_image().pk)
    assert hash_selection.call(everything) == 1
    [result] = queue.results
    assert result.args == [everything, key, key]
    assert result.task.priority == LOW_PRIORITY < hash_upload.priority


def test_selection_with_nothing_to_do_becomes_no_task(everything, queue):
    assert hash_selection.call(everything) == 0
    assert not queue.results


def test_result_of_a_range_counts_and_names_the_first_errors(everything, add_image):
    good, bad = add_image(), add_image("bad.jpg", content=b"no picture")
    result = hash_selected_shard.call(everything, str(good.pk), str(bad.pk))
    assert (result["status"], result["processed"], result["failed"]) == ("completed", 1, 1)
    assert result["errors"][0].startswith(f"Asset {bad.pk}: ")


def test_selection_is_hashed_without_a_queue(everything, add_image):
    asset = add_image()
    hash_selection.call(everything)
    asset.refresh_from_db()
    assert asset.perceptual_hash
