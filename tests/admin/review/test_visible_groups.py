"""Groups and decisions of a user who may not see all images."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import Q
from django.test import Client

from hashing.models import DuplicateGroup, GroupMember, ImageAsset, PairDecision
from tests.admin.tenants import (
    World,
    address,
    assert_nothing_leaks,
    routes_of,
    rows_of_others,
    tenants,
)

pytestmark = [pytest.mark.urls("tests.admin.tenants"), pytest.mark.any_database]
ROUTES = [pytest.param(route, id=route.name) for route in routes_of(tenants)]
JSON = {"Accept": "application/json"}


def test_groups_show_and_count_visible_images_only(world, tenant, chief):
    page = tenant.get(address("duplicategroup_changelist"))
    [group] = page.context["groups"]
    assert [card.asset.pk for card in group.cards] == [world.own[f"1-{place}"].pk for place in (1, 2, 3)]
    assert (group.group.size, group.group.open_count, group.hidden_count) == (3, 2, 0)
    assert page.context["cl"].result_count == 1
    assert "2 groups of duplicates" not in tenant.get(address("imageasset_changelist")).text
    assert "1 group of duplicates" in tenant.get(address("imageasset_changelist")).text
    shown = chief.get(address("duplicategroup_changelist")).context["groups"]
    assert sorted(len(each.cards) for each in shown) == [2, 4, 5]


@pytest.mark.parametrize(("images", "shown"), [("2", 0), ("3-5", 1)])
def test_filters_of_groups_count_visible_images(world, tenant, images, shown):
    ImageAsset.objects.filter(pk__in=[world.own["1-3"].pk]).update(image="elsewhere/3.jpg")
    page = tenant.get(address("duplicategroup_changelist") + f"?images={images}")
    assert len(page.context["groups"]) == 1 - shown


@pytest.mark.parametrize("lookup", ["size=5", "size__gt=4", "open_count=2", "max_distance__gte=0", "keeper=770001"])
def test_columns_of_groups_cannot_be_asked(tenant, lookup):
    page = tenant.get(address("duplicategroup_changelist") + f"?state=all&{lookup}")
    assert page.status_code in (302, 400)


def test_pages_of_a_large_group_do_not_show_where_images_are_hidden(world, tenant):
    group = DuplicateGroup.objects.get(keeper=world.own["1-1"].pk)
    GroupMember.objects.filter(group=group, asset=world.own["1-3"].pk).update(position=500)
    page = tenant.get(address("duplicategroup_change", group.pk))
    assert [card.asset.pk for card in page.context["groups"][0].cards] == [
        world.own[f"1-{place}"].pk for place in (1, 2, 3)
    ]
    assert page.context["groups"][0].pages == 1


def test_image_of_a_hidden_keeper_has_no_group(world, tenant):
    page = tenant.get(address("imageasset_change", world.own["2-2"].pk))
    assert "seems to be the same" not in page.text
    page = tenant.get(address("imageasset_change", world.own["1-2"].pk))
    assert "2 other images seem to be the same" in page.text


def keep_form(world: World, tenant: Client, asset: ImageAsset) -> dict[str, Any]:
    [group] = tenant.get(address("duplicategroup_changelist")).context["groups"]
    return {**group.form_values, "keep": asset.pk, "return_to": address("duplicategroup_changelist")}


def test_keeping_an_image_marks_visible_images_only(world, tenant):
    data, before = keep_form(world, tenant, world.own["1-2"]), rows_of_others(world)
    response = tenant.post(address("duplicategroup_decide"), data, headers=JSON)
    assert response.status_code == 200
    assert "2 images are marked as its duplicates" in response.json()["message"]
    assert rows_of_others(world) == before
    marked = PairDecision.objects.filter(batch=data["batch"]).values_list("duplicate", flat=True)
    assert sorted(marked) == sorted([world.own["1-1"].pk, world.own["1-3"].pk])


def test_keeping_all_equal_files_marks_visible_images_only(world, tenant):
    look = tenant.get(address("duplicategroup_identical_files"))
    hidden = set(PairDecision.objects.filter(Q(lower__in=world.secret_keys) | Q(higher__in=world.secret_keys)))
    [job] = re.findall(r'name="job" value="([^"]*)"', look.text)
    before = set(PairDecision.objects.values_list("pk", flat=True))
    tenant.post(address("duplicategroup_identical_files"), {"job": job, "confirmed": "yes"})
    made = PairDecision.objects.exclude(pk__in=before)
    assert {(each.lower_id, each.higher_id) for each in made} == {
        (world.own["1-1"].pk, world.own[name].pk) for name in ("1-2", "1-3")
    }
    assert set(PairDecision.objects.filter(Q(lower__in=world.secret_keys) | Q(higher__in=world.secret_keys))) == hidden


def test_decision_that_would_mark_a_hidden_image_is_refused(world, tenant):
    duplicate, kept = world.own["1-2"], world.secret["1-4"]
    PairDecision.objects.create(
        lower=duplicate,
        higher=kept,
        lower_file=duplicate.image.name,
        higher_file=kept.image.name,
        verdict="same",
        duplicate=duplicate,
        batch=uuid4(),
    )
    assert_nothing_leaks(tenant.get(address("duplicategroup_changelist")))
    data, before = keep_form(world, tenant, duplicate), rows_of_others(world)
    response = tenant.post(address("duplicategroup_decide"), data, headers=JSON)
    assert response.status_code == 409
    assert_nothing_leaks(response)
    assert rows_of_others(world) == before


def test_undo_of_decisions_about_images_that_became_hidden_is_refused(world, tenant):
    [batch] = PairDecision.objects.filter(decided_by=world.user).values_list("batch", flat=True)
    response = tenant.post(address("duplicategroup_undo"), {"batch": batch}, headers=JSON)
    assert response.status_code == 409
    assert tenant.get(address("duplicategroup_changelist")).context["last_decision"] is None
    assert PairDecision.objects.filter(batch=batch).exists()
