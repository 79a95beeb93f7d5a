from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone

from hashing.admin.capped_count import CappedCount
from hashing.admin.deletion import marked_duplicates, views
from hashing.models import DuplicateGroup, ImageAsset, PairDecision
from tests.admin.conftest import fields_of, messages_of
from tests.admin.deletion.conftest import LIST, delete, files, make_chain, mark
from tests.grouping.conftest import add_hashed, group_all, stored_groups  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


def shown(client, query: str = "") -> list[str]:
    """Return the names of the duplicates on the list."""
    return [row.image.name for row in client.get(LIST + query).context["cl"].result_list]


def test_list_shows_each_duplicate_with_its_keeper(superuser, marked):
    page = superuser.get(LIST)
    assert shown(superuser) == ["2.jpg", "1.jpg"]
    for row in marked:
        assert f'href="/admin/hashing/imageasset/{row.pk}/change/"' in page.text
        assert f"/imageasset/{row.pk}/preview/160/" in page.text
        assert f"{row.width}&nbsp;×&nbsp;9" in page.text  # noqa: RUF001
    assert "<bdi>superuser</bdi>" in page.text


def test_list_shows_the_image_at_the_end_of_the_chain(superuser, marked):
    make_chain(*marked)
    [row, _other] = superuser.get(LIST).context["cl"].result_list
    assert (row.pk, row.kept_pk) == (marked[2].pk, marked[1].pk)
    assert (row.kept.asset, row.kept.decision.lower_id) == (marked[0], marked[1].pk)


def test_list_needs_few_queries(superuser, marked, django_assert_max_num_queries):
    with django_assert_max_num_queries(15):
        superuser.get(LIST)


def test_bytes_of_the_filtered_list_are_added_up(superuser, marked, monkeypatch):
    ImageAsset.objects.filter(pk=marked[1].pk).update(file_size=3 << 20)
    ImageAsset.objects.filter(pk=marked[2].pk).update(file_size=2 << 20)
    assert superuser.get(LIST).context["total"] == CappedCount(2, {"bytes": 5 << 20}, is_capped=False)
    assert "3.0\xa0MB can be freed" in superuser.get(LIST + "?q=1.jpg").text
    monkeypatch.setattr(marked_duplicates, "MAX_COUNTED", 1)
    total = superuser.get(LIST).context["total"]
    assert (total.rows, total.is_capped) == (1, True)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?q=2.jpg", ["2.jpg"]),
        ("?q=0.jpg", ["2.jpg", "1.jpg"]),
        ("?q={key}", ["1.jpg"]),
        ("?q=nothing", []),
        ("?by={user}", ["2.jpg", "1.jpg"]),
        ("?by=nobody", []),
        ("?by=x", ["2.jpg", "1.jpg"]),
        ("?decided=today", ["2.jpg"]),
        ("?decided=earlier", ["1.jpg"]),
        ("?decided=x", ["2.jpg", "1.jpg"]),
        ("?keeper=sound", ["2.jpg", "1.jpg"]),
        ("?keeper=missing", []),
        ("?bytes=huge", ["1.jpg"]),
        ("?bytes=small", ["2.jpg"]),
        ("?folder=a", []),
    ],
)
def test_search_and_filters(superuser, marked, query, names):
    ImageAsset.objects.filter(pk=marked[1].pk).update(file_size=30 << 20)
    PairDecision.objects.filter(duplicate=marked[1]).update(decided_at=timezone.now() - timedelta(days=60))
    user = User.objects.get(username="superuser").pk
    assert shown(superuser, query.format(key=marked[1].pk, user=user)) == names


def test_duplicates_without_the_file_of_their_keeper_are_found(superuser, marked):
    ImageAsset.objects.filter(pk=marked[0].pk).update(hash_error="File not found at 0.jpg")
    page = superuser.get(LIST + "?keeper=missing")
    assert [row.image.name for row in page.context["cl"].result_list] == ["2.jpg", "1.jpg"]
    assert "File not found at 0.jpg" in page.text


def test_folders_of_duplicates_are_offered(superuser, marked):
    for row, name in zip(marked[1:], ("b/1.jpg", "a/2.jpg"), strict=True):
        ImageAsset.objects.filter(pk=row.pk).update(image=name)
        PairDecision.objects.filter(higher=row).update(higher_file=name)
    assert shown(superuser, "?folder=a") == ["a/2.jpg"]
    assert 'href="?folder=b"' in superuser.get(LIST).text


def test_confirmed_deletion_deletes_rows_and_files(superuser, marked, media):
    page = delete(superuser, marked[1])
    size = filesizeformat((media / "0.jpg").stat().st_size)
    assert messages_of(page) == [f"Successfully deleted 1 marked duplicate. {size} freed."]
    assert files(media) == ["0.jpg", "2.jpg"]
    assert stored_groups() == {marked[0].pk: {marked[0].pk, marked[2].pk}}


def test_duplicate_of_a_deleted_duplicate_is_one_of_the_kept_image(superuser, marked, media, monkeypatch):
    make_chain(*marked)
    monkeypatch.setattr(views, "BATCH", 1)
    delete(superuser, marked[1])
    [row] = superuser.get(LIST).context["cl"].result_list
    assert (row.pk, row.kept_pk) == (marked[2].pk, marked[0].pk)
    assert row.kept.decided_by == "superuser"
    assert stored_groups() == {marked[0].pk: {marked[0].pk, marked[2].pk}}
    assert DuplicateGroup.objects.get().open_count == 0
    delete(superuser, *marked)
    assert files(media) == ["0.jpg"]


def test_chain_is_deleted_in_batches_of_one(superuser, marked, media, monkeypatch):
    make_chain(*marked)
    monkeypatch.setattr(views, "BATCH", 1)
    assert messages_of(delete(superuser, *marked))[0].startswith("Successfully deleted 2 marked duplicates.")
    assert (files(media), ImageAsset.objects.get()) == (["0.jpg"], marked[0])


def test_nothing_is_deleted_before_confirmation(superuser, marked, media):
    page = delete(superuser, marked[1], marked[2], confirmed=False)
    assert "files of these images are deleted" in page.text
    assert "Used by" not in page.text
    # What is only kept about the picture is not listed.
    assert "Decision on a pair" not in page.text
    assert "Picture of a group" not in page.text
    assert "1.jpg" in page.text
    assert superuser.get(LIST).status_code == 200
    assert (ImageAsset.objects.count(), files(media)) == (3, ["0.jpg", "1.jpg", "2.jpg"])


def test_single_image_is_deleted_on_its_own_page(superuser, marked, media):
    address = reverse("admin:hashing_markedduplicate_delete", args=(marked[1].pk,))
    assert "The file of this image is deleted" in superuser.get(address).text
    superuser.post(address, {"post": "yes"})
    assert files(media) == ["0.jpg", "2.jpg"]


def test_more_rows_than_a_form_has_fields(superuser, marked, media, monkeypatch, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
    monkeypatch.setattr(views, "FORECAST_SECONDS", 600)
    monkeypatch.setattr(views, "SHORT_SECONDS", 600)
    rows = ImageAsset.objects.bulk_create(
        ImageAsset(image=f"many/{n}.jpg", perceptual_hash="1" * 16, file_size=n) for n in range(249)
    )
    (media / "many").mkdir()
    for row in rows:
        (media / row.image.name).write_bytes(bytes(row.file_size))
    mark(marked[0], *rows)
    data = {"action": "delete_selected", "_selected_action": [rows[0].pk], "select_across": 1}
    page = superuser.post(LIST, data)
    assert "251 images will be deleted" in page.text
    page = superuser.post(LIST, fields_of(page), follow=True)
    [message] = messages_of(page)
    assert message.startswith("Successfully deleted 251 marked duplicates.")
    assert ImageAsset.objects.count() == 1
    assert [path.name for path in media.rglob("*.jpg")] == ["0.jpg"]


@pytest.mark.parametrize(
    ("permissions", "deletes"),
    [
        ([], False),
        (["view_imageasset", "change_imageasset", "delete_imageasset", "view_markedduplicate"], False),
        (["view_markedduplicate", "delete_markedduplicate"], False),
        (["view_imageasset", "view_markedduplicate", "delete_markedduplicate"], True),
    ],
)
def test_marked_duplicates_have_their_own_delete_permission(client_of, marked, permissions, deletes):
    client = client_of("staff")
    User.objects.get(username="staff").user_permissions.set(Permission.objects.filter(codename__in=permissions))
    delete(client, marked[1])
    assert ImageAsset.objects.filter(pk=marked[1].pk).exists() != deletes
