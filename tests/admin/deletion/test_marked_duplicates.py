from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.core.files.storage import FileSystemStorage
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from hashing.admin.deletion import marked_duplicates, views
from hashing.grouping.decisions import decide_different, keep
from hashing.models import DuplicateGroup, ImageAsset, MarkedDuplicate, PairDecision
from hashing.models.hash_fields import EMPTY_HASH_FIELDS
from tests.admin.conftest import fields_of, messages_of
from tests.grouping.conftest import add_hashed, group_all, stored_groups  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)

LIST = reverse("admin:hashing_markedduplicate_changelist")


@pytest.fixture
def marked(add_image, add_hashed, group_all, superuser):  # noqa: F811
    """A keeper and two duplicates of it, with their files; the rest of the library has none."""
    hashes = ("perceptual_hash", "vertical_hash", "detail_hash", "hash_quality")
    original = add_hashed(1)
    facts = {name: getattr(original, name) for name in hashes}
    rows = [add_image(f"{n}.jpg", width=200 - n, height=9, hash_version=1, **facts) for n in range(3)]
    ImageAsset.objects.filter(pk__in=[row.pk for row in rows]).update(file_size=rows[0].image.size)
    ImageAsset.objects.exclude(pk__in=[row.pk for row in rows]).delete()
    group_all()
    keep(DuplicateGroup.objects.get(), rows[0].pk, User.objects.get().pk)
    return rows


def delete(client: Client, *rows: ImageAsset, confirmed: bool = True):
    data = {"action": "delete_selected", "_selected_action": [row.pk for row in rows]}
    return client.post(LIST, data | ({"post": "yes"} if confirmed else {}), follow=True)


def files(media) -> list[str]:
    return sorted(path.name for path in media.glob("*.jpg"))


def test_list_has_the_marked_ones_with_what_is_kept(superuser, marked):
    page = superuser.get(LIST)
    assert [row.pk for row in page.context["cl"].result_list] == [marked[2].pk, marked[1].pk]
    assert f'<a href="/admin/hashing/imageasset/{marked[0].pk}/change/"><bdi>0.jpg</bdi></a>' in page.text


def test_list_shows_what_was_kept_by_the_latest_decision(superuser, marked):
    mark(marked[1], marked[2])
    [row, _other] = superuser.get(LIST).context["cl"].result_list
    assert (row.pk, row.kept_pk, row.kept_name) == (marked[2].pk, marked[1].pk, "1.jpg")


def test_list_needs_no_query_a_row(superuser, marked, add_hashed, group_all, django_assert_max_num_queries):  # noqa: F811
    with django_assert_max_num_queries(8):
        superuser.get(LIST)


def test_confirmed_deletion_takes_rows_and_files(superuser, marked, media):
    page = delete(superuser, marked[1])
    assert "Successfully deleted 1 marked duplicate." in messages_of(page)
    assert files(media) == ["0.jpg", "2.jpg"]
    assert stored_groups() == {marked[0].pk: {marked[0].pk, marked[2].pk}}


def test_nothing_goes_before_it_is_confirmed(superuser, marked, media):
    page = delete(superuser, marked[1], marked[2], confirmed=False)
    assert "files of these pictures are deleted" in page.text
    assert "Used by" not in page.text
    # What is only kept about the picture is not listed.
    assert "Decision on a pair" not in page.text
    assert "Picture of a group" not in page.text
    assert "1.jpg" in page.text
    assert superuser.get(LIST).status_code == 200
    assert (ImageAsset.objects.count(), files(media)) == (3, ["0.jpg", "1.jpg", "2.jpg"])


def test_single_picture_is_deleted_by_its_own_page(superuser, marked, media):
    address = reverse("admin:hashing_markedduplicate_delete", args=(marked[1].pk,))
    assert "The file of this picture is deleted" in superuser.get(address).text
    superuser.post(address, {"post": "yes"})
    assert files(media) == ["0.jpg", "2.jpg"]


def test_file_that_another_row_uses_stays(superuser, marked, media):
    ImageAsset.objects.bulk_create([ImageAsset(image="1.jpg")])
    assert "Used by: image asset." in delete(superuser, marked[1], marked[2], confirmed=False).text
    page = delete(superuser, marked[1], marked[2])
    assert files(media) == ["0.jpg", "1.jpg"]
    assert "1 file was kept: Used by: image asset. (1.jpg)" in messages_of(page)


def test_file_of_the_keeper_stays_when_it_has_two_names(superuser, marked, media, bind_mount):
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
    assert "1 file was kept: Used by: image asset. (again/0.jpg)" in messages_of(page)


def test_file_that_cannot_be_deleted_is_named(superuser, marked, media, monkeypatch):
    def refuse(_storage, _name):
        raise PermissionError(13, "locked")

    monkeypatch.setattr(FileSystemStorage, "delete", refuse)
    page = delete(superuser, marked[1])
    assert any("could not be" in text and "locked (1.jpg)" in text for text in messages_of(page))


def test_files_are_deleted_on_commit_only(rf, superuser, marked, media):
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


@pytest.fixture
def rest_after_undeletable(superuser, marked, add_image):
    """A duplicate whose keeper has no file, beside two that can be deleted."""
    keeper, alone = (
        add_image(name, content=content, perceptual_hash="1" * 16, file_size=1)
        for name, content in (("gone.jpg", None), ("alone.jpg", b"x"))
    )
    mark(keeper, alone)
    return [*marked[1:], alone]


def mark(keeper: ImageAsset, *duplicates: ImageAsset) -> None:
    """The keeper has the lower key."""
    PairDecision.objects.bulk_create(
        PairDecision(
            lower=keeper,
            higher=row,
            duplicate=row,
            verdict=PairDecision.Verdict.SAME,
            lower_file=keeper.image.name,
            higher_file=row.image.name,
            batch=uuid4(),
        )
        for row in duplicates
    )


def test_one_row_that_must_stay_does_not_keep_the_others(superuser, rest_after_undeletable, media):
    page = delete(superuser, *rest_after_undeletable, confirmed=False)
    assert "2 images go" in page.text
    assert "1 image stays" in page.text
    page = delete(superuser, *rest_after_undeletable)
    assert files(media) == ["0.jpg", "alone.jpg"]
    done, left = messages_of(page)
    assert done == "Successfully deleted 2 marked duplicates."
    assert left.startswith("1 image was left: nothing is kept of it")
    assert left.endswith("(alone.jpg)")


def test_keeper_that_vanishes_after_the_page_is_noticed(superuser, marked, media):
    page = delete(superuser, marked[1], confirmed=False)
    (media / "0.jpg").unlink()
    superuser.post(LIST, fields_of(page))
    assert files(media) == ["1.jpg", "2.jpg"]
    assert ImageAsset.objects.count() == 3


def test_mark_that_is_taken_back_after_the_page_is_noticed(superuser, marked, media):
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
        (forget_keeper, "nothing is kept of it"),
    ],
)
def test_picture_stays_when_something_changed_before_its_row_was_locked(
    superuser, marked, media, monkeypatch, change, reason
):
    lock = marked_duplicates.lock_with_keepers

    def change_and_lock(*arguments):
        change(marked[1], marked[0])
        lock(*arguments)

    monkeypatch.setattr(marked_duplicates, "lock_with_keepers", change_and_lock)
    [left] = messages_of(delete(superuser, marked[1]))
    assert left.startswith(f"1 image was left: {reason}")
    assert ImageAsset.objects.filter(pk=marked[1].pk).exists()
    assert "1.jpg" in files(media)


def test_storage_that_does_not_answer_keeps_the_picture(superuser, marked, media, monkeypatch):
    def exists(_storage, _name):
        raise ConnectionError("away")

    monkeypatch.setattr(FileSystemStorage, "exists", exists)
    page = delete(superuser, marked[1])
    assert "nothing is kept of it" in " ".join(messages_of(page))
    assert ImageAsset.objects.count() == 3


def test_storage_is_never_asked_inside_a_transaction(superuser, marked, media, monkeypatch):
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


def test_more_rows_than_a_form_has_fields(superuser, marked, media, monkeypatch, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
    monkeypatch.setattr(views, "FORECAST_SECONDS", 600)
    monkeypatch.setattr(views, "DELETION_SECONDS", 600)
    rows = ImageAsset.objects.bulk_create(
        ImageAsset(image=f"many/{n}.jpg", perceptual_hash="1" * 16, file_size=n) for n in range(249)
    )
    (media / "many").mkdir()
    for row in rows:
        (media / row.image.name).write_bytes(bytes(row.file_size))
    mark(marked[0], *rows)
    data = {"action": "delete_selected", "_selected_action": [rows[0].pk], "select_across": 1}
    page = superuser.post(LIST, data)
    assert "251 images go" in page.text
    page = superuser.post(LIST, fields_of(page), follow=True)
    assert messages_of(page) == ["Successfully deleted 251 marked duplicates."]
    assert ImageAsset.objects.count() == 1
    assert [path.name for path in media.rglob("*.jpg")] == ["0.jpg"]


def test_picture_of_which_nothing_is_kept_stays(superuser, marked, media):
    (media / "0.jpg").unlink()
    page = delete(superuser, marked[1])
    assert "nothing is kept of it" in page.text
    assert "are deleted from the storage" not in page.text
    assert ImageAsset.objects.count() == 3


def test_keeper_without_a_hash_is_none(superuser, marked, media):
    ImageAsset.objects.filter(pk=marked[0].pk).update(perceptual_hash=None, hash_error="broken")
    delete(superuser, marked[1])
    assert ImageAsset.objects.count() == 3


@pytest.mark.parametrize("content", [b"", b"another picture"])
def test_keeper_whose_file_was_overwritten_is_none(superuser, marked, media, content):
    (media / "0.jpg").write_bytes(content)
    page = delete(superuser, marked[1])
    assert "nothing is kept of it" in page.text
    assert "are deleted from the storage" not in page.text
    assert ImageAsset.objects.count() == 3


def test_picture_with_a_file_that_nobody_has_looked_at_stays(superuser, marked, media):
    ImageAsset.objects.filter(pk=marked[1].pk).update(**EMPTY_HASH_FIELDS)
    delete(superuser, marked[1])
    assert files(media) == ["0.jpg", "1.jpg", "2.jpg"]


def new_file(row: ImageAsset) -> None:
    ImageAsset.objects.filter(pk=row.pk).update(image="new.jpg")


@pytest.mark.skipif(connection.vendor == "sqlite", reason="whoever writes to SQLite has it alone")
@pytest.mark.parametrize(("number", "change"), [(0, new_file), (0, ImageAsset.delete), (1, new_file)])
def test_picture_stays_when_it_or_its_keeper_changes_in_this_moment(superuser, marked, media, number, change):
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            change(ImageAsset.objects.get(pk=marked[number].pk))
            deletion = pool.submit(delete_and_disconnect, superuser, marked[1])
            wait_for_a_lock(deletion)
        deletion.result()
    assert ImageAsset.objects.filter(pk=marked[1].pk).exists()
    assert "1.jpg" in files(media)


def delete_and_disconnect(client: Client, row: ImageAsset) -> None:
    delete(client, row)
    connection.close()


def wait_for_a_lock(deletion: Future) -> None:
    """Until it waits for what this connection has."""
    with connection.cursor() as cursor:
        waiting = 0
        while not (waiting or deletion.done()):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            (waiting,) = cursor.fetchone()


def test_picture_that_is_not_marked_cannot_be_deleted_here(superuser, marked):
    delete(superuser, marked[0])
    PairDecision.objects.all().delete()
    delete(superuser, marked[1])
    assert ImageAsset.objects.count() == 3


def test_keeper_and_its_duplicates_are_never_all_marked(superuser, marked):
    for row in marked:
        keep(DuplicateGroup.objects.get(), row.pk, User.objects.get().pk)
    delete(superuser, *marked)
    assert [row.pk for row in ImageAsset.objects.all()] == [marked[2].pk]


@pytest.mark.parametrize(
    ("permissions", "deletes"),
    [
        ([], False),
        (["view_imageasset", "change_imageasset", "delete_imageasset", "view_markedduplicate"], False),
        (["view_markedduplicate", "delete_markedduplicate"], True),
    ],
)
def test_permission_is_its_own(client_of, marked, permissions, deletes):
    client = client_of("staff")
    User.objects.get(username="staff").user_permissions.set(Permission.objects.filter(codename__in=permissions))
    delete(client, marked[1])
    assert ImageAsset.objects.filter(pk=marked[1].pk).exists() != deletes


def test_decision_is_taken_back(superuser, marked):
    page = superuser.get(reverse("admin:hashing_pairdecision_changelist"))
    assert "1.jpg" in page.text
    decision = PairDecision.objects.get(duplicate=marked[1])
    data = {"action": "delete_selected", "_selected_action": [decision.pk], "post": "yes"}
    superuser.post(reverse("admin:hashing_pairdecision_changelist"), data)
    group = DuplicateGroup.objects.get()
    assert (group.open_count, group.size) == (1, 3)


def test_picture_that_was_told_apart_comes_back_when_that_is_taken_back(superuser, marked):
    PairDecision.objects.all().delete()
    group = DuplicateGroup.objects.get()
    decide_different(group, marked[1].pk, User.objects.get().pk)
    assert stored_groups() == {marked[0].pk: {marked[0].pk, marked[2].pk}}
    superuser.post(reverse("admin:hashing_pairdecision_delete", args=(PairDecision.objects.get().pk,)), {"post": "yes"})
    assert stored_groups() == {marked[0].pk: {row.pk for row in marked}}
