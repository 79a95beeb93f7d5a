from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.files.storage import FileSystemStorage
from django.db import connection, transaction

from hashing.models import ImageAsset, MarkedDuplicate, PairDecision
from tests.admin.conftest import messages_of
from tests.admin.deletion.conftest import LIST, delete, files
from tests.grouping.conftest import add_hashed, group_all, stored_groups  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


def test_file_that_another_row_uses_is_kept(superuser, marked, media):
    ImageAsset.objects.bulk_create([ImageAsset(image="1.jpg")])
    assert "Used by: image." in delete(superuser, marked[1], marked[2], confirmed=False).text
    page = delete(superuser, marked[1], marked[2])
    assert files(media) == ["0.jpg", "1.jpg"]
    assert "1 file was kept: Used by: image. (1.jpg)" in messages_of(page)


def test_file_of_the_keeper_is_kept_under_a_second_name(superuser, marked, media, bind_mount):
    (media / "disk").mkdir()
    (media / "0.jpg").rename(media / "disk/0.jpg")
    bind_mount(media / "disk", media / "again")
    for row, name in ((marked[0], "disk/0.jpg"), (marked[1], "again/0.jpg")):
        size = (media / name).stat().st_size
        ImageAsset.objects.filter(pk=row.pk).update(image=name, perceptual_hash="0" * 16, file_size=size)
        PairDecision.objects.filter(lower=row).update(lower_file=name)
        PairDecision.objects.filter(higher=row).update(higher_file=name)
    page = delete(superuser, marked[1])
    assert not ImageAsset.objects.filter(pk=marked[1].pk).exists()
    assert (media / "disk/0.jpg").exists()
    assert "1 file was kept: Used by: image. (again/0.jpg)" in messages_of(page)


def test_failed_deletion_of_a_file_is_reported(superuser, marked, media, monkeypatch):
    def refuse(_storage, _name):
        raise PermissionError(13, "locked")

    monkeypatch.setattr(FileSystemStorage, "delete", refuse)
    page = delete(superuser, marked[1])
    assert any("could not be" in text and "locked (1.jpg)" in text for text in messages_of(page))


def test_files_are_deleted_after_the_commit(rf, superuser, marked, media):
    request = rf.post(LIST)
    request.user = User.objects.get()
    model_admin = admin.site.get_model_admin(MarkedDuplicate)
    with transaction.atomic():
        model_admin.delete_queryset(request, MarkedDuplicate.objects.all())
        assert ImageAsset.objects.count() == 1
        assert files(media) == ["0.jpg", "1.jpg", "2.jpg"]
        transaction.set_rollback(True)
    assert (ImageAsset.objects.count(), files(media)) == (3, ["0.jpg", "1.jpg", "2.jpg"])
    model_admin.delete_queryset(request, MarkedDuplicate.objects.all())
    assert (ImageAsset.objects.count(), files(media)) == (1, ["0.jpg"])


def test_no_storage_is_accessed_inside_a_transaction(superuser, marked, media, monkeypatch):
    asked = []

    def watch(name, stock):
        def watched(storage, *arguments):
            asked.append((name, connection.in_atomic_block))
            return stock(storage, *arguments)

        monkeypatch.setattr(FileSystemStorage, name, watched)

    for name in ("exists", "size", "path", "delete", "open"):
        watch(name, getattr(FileSystemStorage, name))
    delete(superuser, marked[1], marked[2])
    assert {name for name, _is_inside in asked} >= {"exists", "size", "delete"}
    assert [name for name, is_inside in asked if is_inside] == []
