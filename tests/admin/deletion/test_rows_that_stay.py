from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import FileSystemStorage
from django.db import connection, transaction
from django.db.models.signals import pre_delete
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from hashing.admin.deletion import duplicate_deletion
from hashing.grouping.decisions import keep
from hashing.models import DuplicateGroup, ImageAsset, PairDecision
from hashing.models.hash_fields import EMPTY_HASH_FIELDS
from tests.admin.conftest import fields_of, messages_of
from tests.admin.deletion.conftest import LIST, delete, files, mark
from tests.grouping.conftest import add_hashed, group_all, stored_groups  # noqa: F401

IMAGES = reverse("admin:hashing_imageasset_changelist")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rest_after_undeletable(superuser, marked, add_image):
    """A duplicate whose keeper has no file, beside two that can be deleted."""
    keeper, alone = (
        add_image(name, content=content, perceptual_hash="1" * 16, file_size=1)
        for name, content in (("gone.jpg", None), ("alone.jpg", b"x"))
    )
    mark(keeper, alone)
    return [*marked[1:], alone]


def test_row_that_must_stay_does_not_stop_the_others(superuser, rest_after_undeletable, media):
    page = delete(superuser, *rest_after_undeletable, confirmed=False)
    assert "2 images will be deleted" in page.text
    assert "1 image will stay" in page.text
    page = delete(superuser, *rest_after_undeletable)
    assert files(media) == ["0.jpg", "alone.jpg"]
    done, left = messages_of(page)
    assert done.startswith("Successfully deleted 2 marked duplicates.")
    assert left.startswith("1 image was left: no image is kept in its place")
    assert left.endswith("(alone.jpg)")


def test_storage_that_is_down_does_not_stop_the_duplicates_of_others(
    superuser, rest_after_undeletable, media, monkeypatch
):
    exists = FileSystemStorage.exists

    def exists_if_up(storage, name):
        if name == "gone.jpg":
            raise ConnectionError("away")
        return exists(storage, name)

    monkeypatch.setattr(FileSystemStorage, "exists", exists_if_up)
    done, left = messages_of(delete(superuser, *rest_after_undeletable))
    assert done.startswith("Successfully deleted 2 marked duplicates.")
    assert left.startswith("1 image was left: no image is kept in its place")
    assert files(media) == ["0.jpg", "alone.jpg"]


@pytest.mark.parametrize("address", [LIST, IMAGES])
def test_receiver_that_fails_for_one_row_does_not_stop_the_others(superuser, marked, listen, address):
    def refuse_first(sender, instance, **_arguments):
        if instance.pk == marked[1].pk:
            raise RuntimeError("the receiver is broken")

    listen(pre_delete, refuse_first)
    done, left = messages_of(delete(superuser, *marked[1:], address=address))
    assert done.startswith("Successfully deleted 1 ")
    assert left == "1 image was left: deleting its row failed; see the log of the site (1.jpg)"
    assert set(ImageAsset.objects.all()) == set(marked[:2])


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
@pytest.mark.parametrize("address", [LIST, IMAGES])
def test_locked_row_does_not_stop_the_others(superuser, marked, address):
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        ImageAsset.objects.select_for_update().get(pk=marked[1].pk)
        page = pool.submit(delete_and_disconnect, superuser, *marked[1:], address=address).result()
    done, left = messages_of(page)
    assert done.startswith("Successfully deleted 1 ")
    assert left.startswith("1 image was left: somebody else is changing it")
    assert set(ImageAsset.objects.all()) == set(marked[:2])


def test_duplicate_stays_if_its_keeper_vanishes_after_the_confirmation_page(superuser, marked, media):
    page = delete(superuser, marked[1], confirmed=False)
    (media / "0.jpg").unlink()
    superuser.post(LIST, fields_of(page))
    assert files(media) == ["1.jpg", "2.jpg"]
    assert ImageAsset.objects.count() == 3


def test_duplicate_stays_if_its_mark_is_taken_back_after_the_confirmation_page(superuser, marked, media):
    page = delete(superuser, marked[1], confirmed=False)
    PairDecision.objects.all().delete()
    page = superuser.post(LIST, fields_of(page), follow=True)
    assert "no longer in the list" in " ".join(messages_of(page))
    assert files(media) == ["0.jpg", "1.jpg", "2.jpg"]


def unmark(row: ImageAsset, _keeper: ImageAsset) -> None:
    PairDecision.objects.filter(duplicate=row).delete()


def replace_file(row: ImageAsset, _keeper: ImageAsset) -> None:
    ImageAsset.objects.filter(pk=row.pk).update(image="new.jpg")


def delete_keeper(_row: ImageAsset, keeper: ImageAsset) -> None:
    keeper.delete()


def forget_keeper(_row: ImageAsset, keeper: ImageAsset) -> None:
    ImageAsset.objects.filter(pk=keeper.pk).update(**EMPTY_HASH_FIELDS)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (unmark, "it is no longer marked as a duplicate"),
        (replace_file, "it is no longer marked as a duplicate"),
        (delete_keeper, "it is no longer marked as a duplicate"),
        (forget_keeper, "no image is kept in its place"),
    ],
)
def test_duplicate_stays_after_a_change_before_its_row_is_locked(superuser, marked, media, monkeypatch, change, reason):
    lock = duplicate_deletion.lock_with_keepers

    def change_and_lock(*arguments):
        change(marked[1], marked[0])
        return lock(*arguments)

    monkeypatch.setattr(duplicate_deletion, "lock_with_keepers", change_and_lock)
    [left] = messages_of(delete(superuser, marked[1]))
    assert left.startswith(f"1 image was left: {reason}")
    assert ImageAsset.objects.filter(pk=marked[1].pk).exists()
    assert "1.jpg" in files(media)


def test_duplicate_stays_if_the_storage_is_unavailable(superuser, marked, media, monkeypatch):
    def exists(_storage, _name):
        raise ConnectionError("away")

    monkeypatch.setattr(FileSystemStorage, "exists", exists)
    page = delete(superuser, marked[1])
    assert "no image is kept in its place" in " ".join(messages_of(page))
    assert ImageAsset.objects.count() == 3


def test_duplicate_stays_if_the_file_of_its_keeper_is_missing(superuser, marked, media):
    (media / "0.jpg").unlink()
    page = delete(superuser, marked[1])
    assert "no image is kept in its place" in page.text
    assert "are deleted from the storage" not in page.text
    assert ImageAsset.objects.count() == 3


def test_duplicate_stays_if_its_keeper_has_no_hash(superuser, marked, media):
    ImageAsset.objects.filter(pk=marked[0].pk).update(perceptual_hash=None, hash_error="broken")
    delete(superuser, marked[1])
    assert ImageAsset.objects.count() == 3


@pytest.mark.parametrize("content", [b"", b"another picture"])
def test_duplicate_stays_if_the_file_of_its_keeper_was_overwritten(superuser, marked, media, content):
    (media / "0.jpg").write_bytes(content)
    page = delete(superuser, marked[1])
    assert "no image is kept in its place" in page.text
    assert "are deleted from the storage" not in page.text
    assert ImageAsset.objects.count() == 3


def test_duplicate_with_a_new_file_stays(superuser, marked, media):
    ImageAsset.objects.filter(pk=marked[1].pk).update(**EMPTY_HASH_FIELDS)
    delete(superuser, marked[1])
    assert files(media) == ["0.jpg", "1.jpg", "2.jpg"]


def new_file(row: ImageAsset) -> None:
    ImageAsset.objects.filter(pk=row.pk).update(image="new.jpg")


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
@pytest.mark.parametrize(("number", "change"), [(0, new_file), (0, ImageAsset.delete), (1, new_file)])
def test_duplicate_stays_if_it_or_its_keeper_changes_at_the_same_time(superuser, marked, media, number, change):
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            change(ImageAsset.objects.get(pk=marked[number].pk))
            deletion = pool.submit(delete_and_disconnect, superuser, marked[1])
            wait_for_a_lock(deletion)
        deletion.result()
    assert ImageAsset.objects.filter(pk=marked[1].pk).exists()
    assert "1.jpg" in files(media)


def delete_and_disconnect(client: Client, *rows: ImageAsset, address: str = LIST) -> HttpResponse:
    try:
        return delete(client, *rows, address=address)
    finally:
        connection.close()


def wait_for_a_lock(deletion: Future) -> None:
    """Wait until the deletion waits for a lock of this connection."""
    with connection.cursor() as cursor:
        waiting = 0
        while not (waiting or deletion.done()):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            (waiting,) = cursor.fetchone()


def test_image_without_a_mark_cannot_be_deleted(superuser, marked):
    delete(superuser, marked[0])
    PairDecision.objects.all().delete()
    delete(superuser, marked[1])
    assert ImageAsset.objects.count() == 3


def test_one_copy_is_left_whatever_is_kept_in_turn(superuser, marked):
    for row in marked:
        keep(DuplicateGroup.objects.get(), [row.pk], User.objects.get().pk)
    delete(superuser, *marked)
    assert [row.pk for row in ImageAsset.objects.all()] == [marked[2].pk]
