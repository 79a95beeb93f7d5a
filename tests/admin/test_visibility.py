"""What the user of a restricted admin site can read and change, over every address of the site."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from hashing.admin.deletion.merging import Merging
from hashing.admin.owners import attach_owners
from hashing.admin.visibility import ImageAccess
from hashing.backfill import backfill_perceptual_hashes
from hashing.db.queryset_state import is_narrowed
from hashing.models import ImageAsset, PairDecision
from samples.pictures import encoded, photo
from tests.admin.conftest import content_of
from tests.admin.tenants import (
    BACKENDS,
    SECRET,
    World,
    address,
    addresses,
    assert_nothing_leaks,
    forms,
    make_site,
    make_user,
    objects,
    routes_of,
    rows_of_others,
    tenants,
)
from tests.site_models.models import Photo

pytestmark = [pytest.mark.urls("tests.admin.tenants"), pytest.mark.any_database]
ROUTES = [pytest.param(route, id=route.name) for route in routes_of(tenants)]
JSON = {"Accept": "application/json"}


def newer_decisions(world: World) -> list[PairDecision]:
    """Return decisions on images of the other tenant that were made after those of the world."""
    keys = world.secret_keys
    about = PairDecision.objects.filter(lower__in=keys) | PairDecision.objects.filter(higher__in=keys)
    return list(about.exclude(decided_at__lte=world.made_at))


def ask(method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Make a request without the messages of earlier ones, which no page may have shown yet."""
    method.__self__.cookies.pop("messages", None)
    return method(*arguments, **options)


@pytest.mark.parametrize("route", ROUTES)
def test_nothing_of_another_tenant_is_shown(world, tenant, route):
    # All keys of the other tenant come before the own ones, which look alike.
    for url, key in addresses(route, list(world.keys())[:-8]):
        for query in ("", "?state=all", f"?q={SECRET}") if route.name.endswith("changelist") else ("",):
            response = ask(tenant.get, url + query)
            if SECRET not in query:
                assert_nothing_leaks(response, key)
            assert "7,654" not in content_of(response).decode(errors="replace")


@pytest.mark.parametrize("route", ROUTES)
def test_nothing_of_another_tenant_is_changed_or_told(world, tenant, route):
    before = rows_of_others(world)
    for url, key in addresses(route, list(world.keys())[::3]):
        for data in forms(world, route):
            posted = {str(value) for value in data.values()}
            for headers in ({}, JSON) if route.name.endswith(("decide", "undo")) else ({},):
                # After a decision, the page of groups offers to take it back.
                response = ask(tenant.post, url, data, headers=headers, follow="_duplicategroup_" in route.name)
                asked = next((each for each in world.secret_keys if str(each) in posted), key)
                assert_nothing_leaks(response, asked)
    assert rows_of_others(world) == before
    assert newer_decisions(world) == []
    written = LogEntry.objects.filter(user=world.user).exclude(change_message__startswith=SECRET)
    visible = written.filter(pk__gt=0).exclude(object_id__in=map(str, world.secret_keys))
    assert not [entry for entry in visible if SECRET in f"{entry.object_repr} {entry.change_message}"]


def test_files_and_previews_of_another_tenant_stay(world, tenant, media):
    url = address("imageasset_preview", world.secret["1-4"].pk, 160)
    assert tenant.get(url).status_code == 404
    assert tenant.get(address("imageasset_preview", world.own["1-1"].pk, 160)).status_code == 200
    for name in ("imageasset", "markedduplicate"):
        data = {"action": "delete_selected", "_selected_action": [world.own["1-1"].pk], "select_across": 1, "post": 1}
        tenant.post(address(f"{name}_changelist"), data)
    assert all((media / asset.image.name).is_file() for asset in world.secret.values())


def test_front_page_counts_visible_images_only(tenant):
    card = tenant.get(reverse("tenants:index")).text.partition('class="hashing-work"')[2].partition("</section>")[0]
    for text in ("1 group of duplicates to review", "2 images, ", "1 marked duplicate to delete", "1 image failed"):
        assert text in card
    assert "Backfill" not in card


def test_marks_are_listed_only_with_a_visible_keeper(world, tenant, chief):
    shown = tenant.get(address("markedduplicate_changelist")).context["cl"].result_list
    assert [row.pk for row in shown] == [world.own["4-2"].pk]
    decisions = tenant.get(address("pairdecision_changelist")).context["cl"].result_list
    assert [row.duplicate_id for row in decisions] == [world.own["4-2"].pk]
    assert len(chief.get(address("markedduplicate_changelist")).context["cl"].result_list) == 5


def test_numbers_above_the_list_are_those_of_visible_images(world, tenant, chief):
    summary = tenant.get(address("imageasset_changelist")).context["summary"]
    assert (summary.total, summary.waiting, summary.failed) == (len(world.own), 1, 1)
    summary = chief.get(address("imageasset_changelist")).context["summary"]
    assert (summary.total, summary.waiting, summary.failed) == (len(world.own) + len(world.secret), 2, 2)


def test_progress_is_that_of_visible_images(world, tenant, chief):
    status = tenant.get(address("imageasset_progress")).context["status"]
    assert status.summary.total == len(world.own)
    assert [failure.asset.pk for failure in status.failures] == [world.own["failed"].pk]
    assert status.running.runs == []
    assert len(chief.get(address("imageasset_progress")).context["status"].running.runs) == 1


def test_upload_message_names_visible_images_only(world, tenant, media, settings):
    settings.HASHING = {**getattr(settings, "HASHING", {}), "ON_UPLOAD": "now"}
    content = encoded(photo(seed=7, size=(200, 150)), "JPEG")
    for asset in (world.own["waiting"], world.secret["waiting"]):
        (media / asset.image.name).write_bytes(content)
    backfill_perceptual_hashes()
    upload = SimpleUploadedFile("new.jpg", content, "image/jpeg")
    page = tenant.post(address("imageasset_add"), {"image": upload})
    assert_nothing_leaks(page)
    assert "own/waiting-own.jpg" in page.text
    upload.seek(0)
    data = {"image": upload, "keep_both": hashlib.sha256(content).hexdigest()}
    page = tenant.post(address("imageasset_add"), data, follow=True)
    # The key of the new image is the next one.
    assert_nothing_leaks(page, ImageAsset.objects.latest("pk").pk)
    assert "own/waiting-own.jpg" in page.text


def test_uploader_without_the_view_permission_sees_no_names(world, media, django_capture_on_commit_callbacks):
    client = Client()
    client.force_login(make_user("uploader", "add_imageasset"), "django.contrib.auth.backends.ModelBackend")
    content = (media / world.own["1-1"].image.name).read_bytes()
    ImageAsset.objects.filter(pk=world.own["1-1"].pk).update(perceptual_hash=None)
    backfill_perceptual_hashes()
    with django_capture_on_commit_callbacks(execute=True):
        page = client.post(address("imageasset_add"), {"image": SimpleUploadedFile("new.jpg", content)}, follow=True)
    assert ImageAsset.objects.filter(image__contains="new").exists()
    assert "own/1-1" not in page.text
    assert "already" not in page.text


class TestObjectPermissions:
    """A site whose lists show everything, and whose users may change and delete their own images only."""

    @pytest.fixture(autouse=True)
    def backends(self, settings):
        settings.AUTHENTICATION_BACKENDS = BACKENDS

    @pytest.fixture
    def client(self, world) -> Client:
        client = Client()
        client.force_login(world.user, BACKENDS[0])
        return client

    @pytest.mark.parametrize("route", [pytest.param(route, id=route.name) for route in routes_of(objects)])
    def test_no_action_changes_the_rows_of_others(self, world, client, route):
        before = rows_of_others(world)
        keys = [*sorted(world.secret_keys)[::3], *PairDecision.objects.values_list("pk", flat=True)[:2]]
        for url, _key in addresses(route, keys, "objects"):
            for data in forms(world, route):
                client.post(url, data, headers=JSON)
        assert rows_of_others(world) == before
        assert newer_decisions(world) == []

    def test_keeping_an_image_is_refused_if_one_of_the_group_may_not_be_changed(self, world, client):
        page = client.get(address("duplicategroup_changelist", site="objects"))
        [shown] = [group for group in page.context["groups"] if group.keeper.pk == world.own["1-1"].pk]
        data = {**shown.form_values, "keep": world.own["1-1"].pk}
        response = client.post(address("duplicategroup_decide", site="objects"), data, headers=JSON)
        assert response.status_code == 409
        assert "You may not change" in response.json()["message"]
        data = {**shown.form_values, "batch": uuid4(), "same": world.own["1-2"].pk}
        assert client.post(address("duplicategroup_decide", site="objects"), data, headers=JSON).status_code == 200


def test_site_without_a_restriction_asks_nothing_more(world, chief, client, django_assert_max_num_queries):
    user = make_user("reviewer", "view_imageasset", "view_duplicategroup", "change_duplicategroup")
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    client.get("/admin/hashing/duplicategroup/")
    with django_assert_max_num_queries(11) as captured:
        client.get("/admin/hashing/duplicategroup/")
    assert not [
        query
        for query in captured
        if "IN (SELECT" in query["sql"] and "imageasset" in query["sql"].split("IN (SELECT")[1]
    ]


def test_restriction_is_recognized(world, rf):
    request = rf.get("/")
    request.user = world.user
    assert is_narrowed(ImageAccess(request, tenants).images)
    assert not is_narrowed(ImageAccess(request, objects).images)
    request.user = world.chief
    assert not is_narrowed(ImageAccess(request, tenants).images)


def test_site_without_images_shows_none(world, rf):
    request = rf.get("/")
    request.user = world.chief
    site = make_site("empty", type(tenants.get_model_admin(ImageAsset)))
    site.unregister(ImageAsset)
    access = ImageAccess(request, site)
    assert not access.may_see_images()
    assert not access.images.exists()
    assert not access.allows("view", world.own["1-1"])


class MyPhotos(admin.ModelAdmin):
    def get_queryset(self, request):
        return super().get_queryset(request).filter(title="mine")


def test_owner_that_its_own_admin_leaves_out_is_neither_shown_nor_deleted(hashed_photo, rf, admin_user):
    mine, theirs = (ImageAsset.objects.get(source_id=str(hashed_photo(title).pk)) for title in ("mine", "theirs"))
    request, site = rf.get("/"), AdminSite("photos")
    request.user = admin_user
    site.register(Photo, MyPhotos)
    attach_owners([mine, theirs], request, site)
    assert [len(asset.owners) for asset in (mine, theirs)] == [1, 0]
    merging = Merging([mine, theirs], {}, request, site, "default")
    assert merging.find_reasons_to_stay([mine, theirs], lambda *_: None).keys() == {theirs.pk}
