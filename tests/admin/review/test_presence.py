from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hashing.admin.review.presence import GroupSnapshot, ShownGroup
from hashing.admin.review.presentation import present_groups
from hashing.db.clock import Now
from hashing.models import DuplicateGroup, GroupMember, GroupViewer, PairDecision
from tests.admin.review.conftest import (
    ask,
    everything,
    form_of,
    keys_of,
    review_address,
    store_all_groups,
    undo_last,
)


def shown(*groups: DuplicateGroup) -> list[str]:
    current = DuplicateGroup.objects.filter(pk__in=[group.pk for group in groups])
    return [str(each.shown_group) for each in present_groups(current, everything())]


def answer(client, groups: list[str]) -> dict[str, dict[str, str]]:
    return client.get(review_address("presence"), {"group": groups}).json()


def look(client, group: DuplicateGroup) -> dict[str, dict[str, str]]:
    return client.post(review_address("presence"), {"group": shown(group), "open": group.keeper_id}).json()


@pytest.mark.parametrize("last_member", [None, 7])
def test_shown_group_is_parsed_from_its_text(last_member):
    group = ShownGroup(12, GroupSnapshot(3, 2, 0, last_member))
    assert ShownGroup.parse(str(group)) == group


@pytest.mark.parametrize("text", ["", "1", "1-2-3-4", "1--3-4-5", "x-1-1-1-1", "1-2-3-4-5-6", f"{10**30}-1-1-1-1"])
def test_other_texts_are_no_shown_group(text):
    assert ShownGroup.parse(text) is None


def test_group_that_is_as_shown_is_not_mentioned(reviewer, add_group):
    assert answer(reviewer, shown(add_group())) == {"changes": {}, "viewers": {}}


@pytest.mark.parametrize("verdict", ["same", "different", "related", "keep"])
@pytest.mark.parametrize("size", [2, 3])
def test_decision_of_another_user_is_told_with_name_and_time(reviewer, superuser_client, add_group, verdict, size):
    group, other = add_group(size), add_group()
    seen = shown(group, other)
    ask(superuser_client, form_of(group, verdict, keys_of(group)[1]))
    [(key, text)] = answer(reviewer, seen)["changes"].items()
    assert key == str(group.keeper_id)
    assert text.startswith("superuser decided about this at ")


def test_decision_of_another_day_is_told_with_its_date(reviewer, superuser_client, add_group):
    group = add_group()
    seen = shown(group)
    ask(superuser_client, form_of(group, "same", keys_of(group)[1]))
    PairDecision.objects.update(decided_at=Now() - timedelta(days=3))
    [text] = answer(reviewer, seen)["changes"].values()
    assert text.startswith("superuser decided about this on ")


def test_group_that_was_shown_after_the_decision_is_not_mentioned(reviewer, superuser_client, add_group):
    group = add_group()
    ask(superuser_client, form_of(group, "same", keys_of(group)[1]))
    assert answer(reviewer, shown(group))["changes"] == {}


def test_each_group_is_compared_with_when_it_was_shown(reviewer, superuser_client, add_group):
    group, other = add_group(), add_group()
    before = shown(other)
    ask(superuser_client, form_of(group, "same", keys_of(group)[1]))
    assert answer(reviewer, [*before, *shown(group)])["changes"] == {}


def test_decision_that_was_taken_back_is_a_change(reviewer, superuser_client, add_group):
    group = add_group()
    ask(superuser_client, form_of(group, "same", keys_of(group)[1]))
    seen = shown(group)
    undo_last(superuser_client)
    assert answer(reviewer, seen)["changes"] == {str(group.keeper_id): "This group has changed"}


def test_group_that_is_gone_is_a_change(reviewer, add_group):
    group = add_group()
    seen = shown(group)
    group.delete()
    assert answer(reviewer, seen)["changes"] == {str(group.keeper_id): "This group has changed"}


def test_other_image_in_place_of_one_is_a_change(reviewer, add_group):
    group = add_group()
    seen = shown(group)
    last = GroupMember.objects.filter(group=group).latest("pk")
    GroupMember.objects.filter(pk=last.pk).update(id=last.pk + 1)
    assert answer(reviewer, seen)["changes"] == {str(group.keeper_id): "This group has changed"}


def test_poll_costs_the_same_for_one_group_and_for_several(reviewer, add_group):
    groups = [add_group() for _number in range(4)]
    counts = []
    for some in (groups[:1], groups):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer(reviewer, shown(*some))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_open_group_is_told_to_others(reviewer, superuser_client, add_group):
    group, other = add_group(), add_group()
    assert look(reviewer, group)["viewers"] == {}
    [(key, text)] = answer(superuser_client, shown(group, other))["viewers"].items()
    assert (key, text) == (str(group.keeper_id), "reviewer is looking at this")


def test_user_looks_at_one_group_only(reviewer, superuser_client, add_group):
    group, other = add_group(), add_group()
    look(reviewer, group)
    look(reviewer, other)
    assert list(answer(superuser_client, shown(group, other))["viewers"]) == [str(other.keeper_id)]


def test_several_users_are_named_together(client_of, reviewer, superuser_client, add_group):
    group = add_group()
    look(reviewer, group)
    look(superuser_client, group)
    [text] = answer(client_of("viewer"), shown(group))["viewers"].values()
    assert text == "reviewer, superuser are looking at this"


def test_user_is_not_told_after_a_minute_and_then_forgotten(reviewer, superuser_client, add_group):
    group = add_group()
    look(reviewer, group)
    GroupViewer.objects.update(seen_at=Now() - timedelta(seconds=70))
    assert answer(superuser_client, shown(group))["viewers"] == {}
    look(superuser_client, group)
    assert GroupViewer.objects.get().user == User.objects.get(username="superuser")


def test_user_who_was_deleted_is_not_told(reviewer, superuser_client, add_group):
    group = add_group()
    look(reviewer, group)
    User.objects.filter(username="reviewer").delete()
    assert answer(superuser_client, shown(group))["viewers"] == {}


def test_users_whom_the_site_hides_are_not_named(reviewer, superuser_client, add_group, monkeypatch):
    group, other = add_group(), add_group()
    seen = shown(group, other)
    look(reviewer, other)
    ask(reviewer, form_of(group, "same", keys_of(group)[1]))
    monkeypatch.setattr(
        site.get_model_admin(User), "get_queryset", lambda _request: User.objects.exclude(username="reviewer")
    )
    found = answer(superuser_client, seen)
    assert found["viewers"] == {}
    assert found["changes"][str(group.keeper_id)].startswith("Somebody decided about this at ")


def test_get_changes_nothing(reviewer, add_group):
    group = add_group()
    reviewer.get(review_address("presence"), {"group": shown(group), "open": group.keeper_id})
    assert not GroupViewer.objects.exists()


@pytest.mark.parametrize("keeper", ["", "x", 999_999])
def test_group_that_does_not_exist_is_not_recorded(reviewer, add_group, keeper):
    add_group()
    assert reviewer.post(review_address("presence"), {"open": keeper}).status_code == 200
    assert not GroupViewer.objects.exists()


@pytest.mark.parametrize(
    ("role", "get", "post"), [("anonymous", 302, 302), ("staff", 403, 403), ("blind", 403, 403), ("viewer", 200, 403)]
)
def test_permissions(client_of, add_group, role, get, post):
    group, client = add_group(), client_of(role)
    assert client.get(review_address("presence"), {"group": shown(group)}).status_code == get
    assert client.post(review_address("presence"), {"open": group.keeper_id}).status_code == post
    assert not GroupViewer.objects.exists()


def test_page_has_the_state_of_its_groups(viewer, add_group):
    group = add_group()
    store_all_groups()
    assert (
        f'data-shown="{shown(DuplicateGroup.objects.get(keeper=group.keeper_id))[0]}"'
        in viewer.get(review_address("changelist")).text
    )
