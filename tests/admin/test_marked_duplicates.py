from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from hashing.facts import EMPTY_HASH_FIELDS
from hashing.grouping.decisions import decide_different, keep
from hashing.models import DuplicateGroup, ImageAsset, PairDecision
from tests.admin.conftest import messages_of
from tests.grouping.conftest import add_hashed, group_all, stored_groups  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)

LIST = reverse("admin:hashing_markedduplicate_changelist")


@pytest.fixture
def marked(add_image, add_hashed, group_all, superuser):  # noqa: F811
    """A keeper and two duplicates of it, with their files; the rest of the library has none."""
    facts = {name: getattr(add_hashed(1), name) for name in ("perceptual_hash", "vertical_hash", "hash_quality")}
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
    assert f'<a href="/admin/hashing/imageasset/{marked[0].pk}/change/">0.jpg</a>' in page.text


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
    delete(superuser, marked[1], marked[2])
    assert files(media) == ["0.jpg", "1.jpg"]


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
