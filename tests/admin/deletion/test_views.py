from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth.models import Permission, User
from django.db import InterfaceError, OperationalError, models
from django.test import Client

from hashing.admin.deletion import job, policy, views
from hashing.admin.images.admin import ImageAssetAdmin
from hashing.models import DuplicateGroup, ImageAsset
from tests.admin.conftest import address, fields_of, messages_of
from tests.db.faults import refused_row
from tests.grouping.conftest import add_hashed, group_all  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


def add_rows(count: int) -> list[ImageAsset]:
    return ImageAsset.objects.bulk_create([ImageAsset(image=f"{number:05}.jpg") for number in range(count)])


def ask(client: Client, *rows: ImageAsset, across: bool = False, query: str = ""):
    data = {"action": "delete_selected", "_selected_action": [row.pk for row in rows], "select_across": int(across)}
    return client.post(address("changelist") + query, data)


def confirm(client: Client, page, **options):
    return client.post(page.request["PATH_INFO"] + "?" + page.request["QUERY_STRING"], fields_of(page), **options)


def test_more_rows_than_a_form_has_fields(superuser, settings, monkeypatch):
    monkeypatch.setattr(views, "SHORT_SECONDS", 600)
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
    rows = add_rows(251)
    page = ask(superuser, rows[0], across=True)
    assert "251 images will be deleted" in page.text
    assert page.text.count("<input") < 10
    done = confirm(superuser, page, follow=True)
    assert messages_of(done) == ["Successfully deleted 251 images."]
    assert ImageAsset.objects.count() == 0


def test_only_the_filtered_rows_are_deleted(superuser):
    rows = add_rows(3)
    ImageAsset.objects.filter(pk=rows[1].pk).update(hash_error="broken")
    page = ask(superuser, rows[1], across=True, query="?state=failed")
    # Later matches of the filter were not confirmed.
    ImageAsset.objects.filter(pk=rows[2].pk).update(hash_error="broken")
    done = confirm(superuser, page, follow=True)
    assert done.redirect_chain == [(f"{address('changelist')}?state=failed", 302)]
    assert list(ImageAsset.objects.order_by("pk")) == [rows[0], rows[2]]


def test_files_of_images_stay(superuser, add_image, media):
    page = ask(superuser, add_image())
    assert "Their files stay" in page.text
    confirm(superuser, page)
    assert not ImageAsset.objects.exists()
    assert [path.name for path in media.iterdir()] == ["photo.jpg"]


def test_nothing_is_deleted_before_confirmation(superuser):
    [row] = add_rows(1)
    ask(superuser, row)
    superuser.get(address("delete", row.pk))
    assert ImageAsset.objects.exists()


def test_single_row_is_deleted_on_its_own_page(superuser):
    row, other = add_rows(2)
    page = superuser.get(address("delete", row.pk))
    assert "00000.jpg" in page.text
    done = confirm(superuser, page, follow=True)
    assert messages_of(done) == ["Successfully deleted 1 image."]
    assert list(ImageAsset.objects.all()) == [other]
    assert LogEntry.objects.get(action_flag=DELETION).object_repr == "00000.jpg"


def test_missing_row_redirects_to_the_index(superuser):
    assert superuser.get(address("delete", 1)).status_code == 302


@pytest.fixture
def long_deletion(monkeypatch):
    """Delete two rows in each request."""
    monkeypatch.setattr(views, "BATCH", 2)
    monkeypatch.setattr(views, "DELETION_SECONDS", 0.0)
    monkeypatch.setattr(views, "SHORT_SECONDS", 0.0)


def test_long_deletion_continues_from_page_to_page(superuser, long_deletion):
    rows = add_rows(5)
    page = confirm(superuser, ask(superuser, rows[0], across=True))
    assert "2 of 5" in page.text
    assert ImageAsset.objects.count() == 3
    page = confirm(superuser, page)
    assert "4 of 5" in page.text
    done = confirm(superuser, page, follow=True)
    assert messages_of(done) == ["Successfully deleted 5 images."]
    assert not ImageAsset.objects.exists()


def test_long_deletion_can_be_stopped_and_says_what_was_done(superuser, long_deletion):
    rows = add_rows(5)
    page = confirm(superuser, ask(superuser, rows[0], across=True))
    for text in ("2 of 5", "40 %", "2 images deleted"):
        assert text in page.text
    done = superuser.post(address("changelist"), fields_of(page) | {"stop": "yes"}, follow=True)
    assert messages_of(done) == [
        "Successfully deleted 2 images.",
        "The deletion was stopped. 3 images were not deleted.",
    ]
    assert ImageAsset.objects.count() == 3


def test_script_gets_the_progress_and_then_the_list(superuser, long_deletion):
    rows = add_rows(3)
    fields, json = fields_of(ask(superuser, rows[0], across=True)), {"Accept": "application/json"}
    answer = superuser.post(address("changelist"), fields, headers=json).json()
    assert "2 of 3" in answer["html"]
    [token] = re.findall(r'name="deletion" value="([^"]*)"', answer["html"])
    answer = superuser.post(address("changelist"), fields | {"deletion": token}, headers=json).json()
    assert answer == {"url": address("changelist")}
    assert messages_of(superuser.get(answer["url"])) == ["Successfully deleted 3 images."]


def test_page_of_a_long_deletion_can_be_sent_twice(superuser, long_deletion):
    rows = add_rows(5)
    page = confirm(superuser, ask(superuser, rows[0], across=True))
    ImageAsset.objects.filter(pk=rows[2].pk).delete()
    page = confirm(superuser, page)
    # The same page sent twice.
    confirm(superuser, page)
    done = confirm(superuser, page, follow=True)
    assert "deleted already" in " ".join(messages_of(done))
    assert not ImageAsset.objects.exists()


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_failed_batch_is_reported_with_the_rows_left(superuser, long_deletion, monkeypatch, error):
    rows = add_rows(5)
    page = confirm(superuser, ask(superuser, rows[0], across=True))

    def fail(*_arguments):
        ImageAsset.objects.all().delete()
        raise error("disk full")

    monkeypatch.setattr(admin.ModelAdmin, "delete_queryset", fail)
    monkeypatch.setattr(policy, "retry_transient", lambda function, _using: function())
    done = confirm(superuser, page, follow=True)
    assert any("3 images left. Run it again" in text and "disk full" in text for text in messages_of(done))
    assert ImageAsset.objects.count() == 3


@pytest.mark.parametrize("change", [lambda token: token[:-1], lambda _token: "x", lambda token: f"{token}x"])
def test_changed_token_deletes_nothing(superuser, change):
    [row] = add_rows(1)
    fields = fields_of(ask(superuser, row))
    done = superuser.post(address("changelist"), fields | {"deletion": change(fields["deletion"])}, follow=True)
    assert messages_of(done) == ["This page has expired. Select the images again."]
    assert ImageAsset.objects.exists()


def test_token_of_another_user_deletes_nothing(superuser, client_of):
    [row] = add_rows(1)
    other = client_of("staff")
    User.objects.get(username="staff").user_permissions.set(
        Permission.objects.filter(codename__in=["view_imageasset", "delete_imageasset"])
    )
    other.post(address("changelist"), fields_of(ask(superuser, row)))
    assert ImageAsset.objects.exists()


def test_permission_is_checked_for_every_request(superuser, client_of, long_deletion):
    rows = add_rows(5)
    user = User.objects.get(username="superuser")
    page = confirm(superuser, ask(superuser, rows[0], across=True))
    User.objects.filter(pk=user.pk).update(is_superuser=False)
    confirm(superuser, page)
    assert superuser.post(address("delete", rows[4].pk), {"post": "yes"}).status_code == 403
    assert ImageAsset.objects.count() == 3


@pytest.fixture
def add_note(made_model):
    """Return a function that adds a row with a foreign key to an image."""

    def add(row: ImageAsset, on_delete) -> models.Model:
        foreign_key = models.ForeignKey(ImageAsset, on_delete=on_delete, related_name="+")
        note = made_model("Note", {"image": foreign_key, "__str__": lambda self: f"the note {self.pk}"})
        admin.site.register(note)
        notes.append(note)
        return note.objects.create(image=row)

    notes: list[type[models.Model]] = []
    yield add
    for note in notes:
        admin.site.unregister(note)


@pytest.mark.parametrize("on_delete", [models.PROTECT, models.RESTRICT])
def test_protected_row_stays_and_the_others_are_deleted(superuser, add_note, on_delete):
    rows = add_rows(5)
    add_note(rows[3], on_delete)
    page = ask(superuser, *rows)
    assert "4 images will be deleted" in page.text
    assert "1 image will stay" in page.text
    assert "other rows need it: Note: the note 1" in page.text
    done = confirm(superuser, page, follow=True)
    assert "1 image was left: other rows need it: Note: the note 1 (00003.jpg)" in messages_of(done)
    assert list(ImageAsset.objects.all()) == [rows[3]]


def test_row_that_the_database_refuses_to_delete_stays_and_the_others_are_deleted(superuser):
    rows = add_rows(5)
    with refused_row(rows[3].pk, "DELETE"):
        done = confirm(superuser, ask(superuser, *rows), follow=True)
    assert "1 image was left: other rows need it: this row is refused (00003.jpg)" in messages_of(done)
    assert list(ImageAsset.objects.all()) == [rows[3]]


@pytest.mark.parametrize("hidden", [1, 2])
def test_rows_outside_the_queryset_of_the_admin_stay(superuser, monkeypatch, hidden):
    rows = add_rows(3)
    page = ask(superuser, *rows)
    show_all = ImageAssetAdmin.get_queryset
    monkeypatch.setattr(ImageAssetAdmin, "get_queryset", lambda *args: show_all(*args).exclude(pk=rows[hidden].pk))
    done = confirm(superuser, page, follow=True)
    assert f"1 image was left: it is no longer in the list (#{rows[hidden].pk})" in messages_of(done)
    assert list(ImageAsset.objects.all()) == [rows[hidden]]


@pytest.mark.parametrize(("limit", "is_cut"), [(2, True), (3, False)])
def test_page_says_when_more_rows_are_selected_than_one_deletion_takes(superuser, monkeypatch, limit, is_cut):
    for module in (views, job):
        monkeypatch.setattr(module, "MAX_ROWS", limit)
    page = ask(superuser, *add_rows(3))
    assert page.context["job"].is_cut == is_cut
    assert (len(page.context["job"].keys)) == limit


def test_row_that_is_protected_after_the_check_stays_and_the_others_are_deleted(superuser, add_note, monkeypatch):
    rows = add_rows(5)
    page = ask(superuser, *rows)
    add_note(rows[3], models.PROTECT)
    monkeypatch.setattr(views.DeletionViews, "_related_reasons", lambda *_arguments: {})
    done = confirm(superuser, page, follow=True)
    assert "Successfully deleted 4 images." in messages_of(done)
    assert list(ImageAsset.objects.all()) == [rows[3]]
    assert LogEntry.objects.filter(action_flag=DELETION).count() == 4


@pytest.mark.parametrize(("role", "deletes"), [("superuser", True), ("staff", False)])
def test_permission_to_delete_related_rows_is_required(client_of, add_note, role, deletes):
    client, rows = client_of(role), add_rows(2)
    note = add_note(rows[0], models.CASCADE)
    permissions = Permission.objects.filter(codename__in=["view_imageasset", "delete_imageasset"])
    User.objects.get(username=role).user_permissions.set(permissions)
    page = ask(client, *rows)
    assert ("notes: 1" in page.text) is deletes
    assert ("you do not have the permission to delete: note" in page.text) is not deletes
    confirm(client, page)
    assert type(note).objects.exists() is not deletes
    assert ImageAsset.objects.count() == (0 if deletes else 1)


@pytest.mark.parametrize("role", ["superuser", "staff"])
def test_groups_are_deleted_with_their_keeper_without_a_permission(client_of, add_hashed, group_all, role):  # noqa: F811
    client, rows = client_of(role), [add_hashed(), add_hashed(flips=1)]
    group_all()
    permissions = Permission.objects.filter(codename__in=["view_imageasset", "delete_imageasset"])
    User.objects.get(username=role).user_permissions.set(permissions)
    page = client.get(address("delete", DuplicateGroup.objects.get().keeper_id))
    assert "permission" not in page.text
    confirm(client, page)
    assert ImageAsset.objects.count() == len(rows) - 1
    assert not DuplicateGroup.objects.exists()


def test_nobody_deletes_a_group_by_hand(superuser, add_hashed, group_all):  # noqa: F811
    add_hashed(), add_hashed(flips=1)
    group_all()
    group = DuplicateGroup.objects.get()
    assert superuser.post(f"/admin/hashing/duplicategroup/{group.pk}/delete/", {"post": "yes"}).status_code == 403


def test_confirmation_checks_only_the_first_rows_within_its_time(superuser, monkeypatch):
    monkeypatch.setattr(views, "BATCH", 2)
    monkeypatch.setattr(views, "FORECAST_SECONDS", 0.0)
    rows = add_rows(5)
    page = ask(superuser, *rows)
    assert "5 images are selected. The first 2 of them were checked" in page.text
    confirm(superuser, page)
    assert not ImageAsset.objects.exists()


@pytest.fixture
def override(monkeypatch):
    """Override a method of the admin, as a subclass of a site would; returns the arguments of its calls."""

    def apply(name: str) -> list[tuple[object, ...]]:
        calls: list[tuple[object, ...]] = []
        inherited = getattr(ImageAssetAdmin, name)

        def called(self, *arguments):
            calls.append(arguments)
            return inherited(self, *arguments)

        monkeypatch.setattr(ImageAssetAdmin, name, called)
        return calls

    return apply


@pytest.mark.parametrize("name", ["delete_queryset", "get_deleted_objects", "has_delete_permission", "log_deletions"])
def test_overridden_methods_are_called_for_a_selection(superuser, override, name):
    calls = override(name)
    confirm(superuser, ask(superuser, *add_rows(2)))
    assert calls
    assert not ImageAsset.objects.exists()


@pytest.mark.parametrize("name", ["delete_model", "get_deleted_objects", "has_delete_permission", "log_deletions"])
def test_overridden_methods_are_called_for_a_single_row(superuser, override, name):
    [row] = add_rows(1)
    calls = override(name)
    confirm(superuser, superuser.get(address("delete", row.pk)))
    assert calls
    assert not ImageAsset.objects.exists()


def test_rows_protected_by_an_overridden_method_stay(superuser, monkeypatch):
    rows = add_rows(2)

    def protect_second(_self, objs, _request):
        protected = [str(row) for row in objs if row.pk == rows[1].pk]
        return [], {}, set(), protected

    monkeypatch.setattr(ImageAssetAdmin, "get_deleted_objects", protect_second)
    done = confirm(superuser, ask(superuser, *rows), follow=True)
    assert "1 image was left: other rows need it: 00001.jpg (00001.jpg)" in messages_of(done)
    assert list(ImageAsset.objects.all()) == [rows[1]]
