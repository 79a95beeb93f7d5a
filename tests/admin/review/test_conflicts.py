from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.utils.formats import date_format
from django.utils.timezone import localtime

from hashing.models import DuplicateGroup, GroupMember, PairDecision
from tests.admin.conftest import messages_of
from tests.admin.review.conftest import JSON, ask, form_of, image_keys, keys_of, marked_keys, review_address, undo_last


def test_decision_on_an_image_that_left_the_group_is_refused(reviewer, add_group):
    group = add_group()
    keeper, one, other = keys_of(group)
    seen = form_of(group, "same", one)
    ask(reviewer, form_of(group, "different", one))
    seen["newest_decision"] = PairDecision.objects.latest("pk").pk
    response = ask(reviewer, seen)
    assert response.status_code == 409
    assert "no longer in this group" in response.json()["message"]
    assert image_keys(response) == [keeper, other]
    assert PairDecision.objects.count() == 1


def test_keep_of_a_group_that_has_grown_is_refused(reviewer, add_group):
    group = add_group()
    response = ask(reviewer, form_of(group, "keep", group.keeper_id) | {"size": 2})
    assert response.status_code == 409
    assert "changed in the meantime" in response.json()["message"]
    assert marked_keys() == set()


def test_keep_of_a_group_with_another_member_is_refused(reviewer, add_group):
    group = add_group()
    last = max(group.members.values_list("pk", flat=True))
    assert f'name="last_member" value="{last}"' in reviewer.get(review_address("changelist")).text
    unseen = GroupMember.objects.filter(group=group, position=2)
    values = unseen.values().get()
    unseen.delete()
    GroupMember.objects.create(**values | {"id": last + 1, "position": 2})
    response = ask(reviewer, form_of(group, "keep", group.keeper_id) | {"last_member": last})
    assert response.status_code == 409
    assert marked_keys() == set()


@pytest.mark.parametrize("theirs", ["same", "different", "related", "keep"])
@pytest.mark.parametrize("mine", ["same", "different", "related", "keep"])
@pytest.mark.parametrize("headers", [JSON, {}], ids=["script", "no script"])
def test_stale_page_does_not_supersede_a_decision_of_another_user(
    reviewer, superuser_client, add_group, mine, theirs, headers
):
    group = add_group()
    _keeper, one, _other = keys_of(group)
    seen = form_of(group, mine, one)
    ask(superuser_client, form_of(group, theirs, one))
    said = list(PairDecision.objects.values())
    response = reviewer.post(review_address("decide"), seen, headers=headers, follow=True)
    assert list(PairDecision.objects.values()) == said
    when = date_format(localtime(PairDecision.objects.latest("pk").decided_at), "SHORT_DATETIME_FORMAT")
    message = f"superuser decided about this on {when}, after this page was loaded. Nothing was changed."
    if headers:
        assert (response.status_code, response.json()["message"]) == (409, message)
        # The group as it is now, although it may be decided and the list is of open ones.
        assert image_keys(response) == keys_of(DuplicateGroup.objects.get())
    else:
        assert messages_of(response) == [message]


def test_keep_is_refused_after_a_decision_on_another_image_of_the_group(reviewer, superuser_client, add_group):
    group = add_group()
    _keeper, one, other = keys_of(group)
    seen = form_of(group, "keep", one)
    ask(superuser_client, form_of(group, "same", other))
    response = ask(reviewer, seen)
    assert response.status_code == 409
    assert "superuser decided about this" in response.json()["message"]
    assert marked_keys() == {other}


def test_verdict_on_another_image_of_the_group_is_no_conflict(reviewer, superuser_client, add_group):
    group = add_group()
    _keeper, one, other = keys_of(group)
    seen = form_of(group, "same", one)
    ask(superuser_client, form_of(group, "same", other))
    assert ask(reviewer, seen).status_code == 200
    assert marked_keys() == {one, other}


def test_keep_is_refused_after_a_decision_in_the_group_was_taken_back(reviewer, superuser_client, add_group):
    group = add_group()
    _keeper, one, other = keys_of(group)
    ask(superuser_client, form_of(group, "same", other))
    seen = form_of(group, "keep", one)
    undo_last(superuser_client)
    response = ask(reviewer, seen)
    assert response.status_code == 409
    assert "changed in the meantime" in response.json()["message"]
    assert marked_keys() == set()


def test_stale_page_does_not_supersede_an_own_decision(reviewer, add_group):
    group = add_group()
    one = keys_of(group)[1]
    seen = form_of(group, "different", one)
    ask(reviewer, form_of(group, "same", one))
    response = ask(reviewer, seen)
    assert response.status_code == 409
    assert response.json()["message"].startswith("You decided about this on ")
    assert marked_keys() == {one}


@pytest.mark.parametrize("verdict", ["same", "different", "related", "keep"])
@pytest.mark.parametrize("headers", [JSON, {}], ids=["script", "no script"])
def test_form_that_is_sent_twice_decides_once(reviewer, add_group, verdict, headers):
    group = add_group()
    data = form_of(group, verdict, keys_of(group)[1])
    responses = [reviewer.post(review_address("decide"), data, headers=headers) for _ in range(2)]
    assert [response.status_code for response in responses] == ([200, 200] if headers else [302, 302])
    assert set(PairDecision.objects.values_list("batch", flat=True)) == {data["batch"]}
    if headers:
        assert responses[0].json()["message"] == responses[1].json()["message"]
    assert LogEntry.objects.values("object_id").distinct().count() == LogEntry.objects.count()


def test_form_that_has_decided_otherwise_is_refused(reviewer, superuser_client, add_group):
    group = add_group()
    _keeper, one, other = keys_of(group)
    data = form_of(group, "same", one)
    ask(reviewer, data)
    del data["same"]
    for client, wish in (
        (reviewer, {"same": other}),
        (reviewer, {"different": one}),
        (superuser_client, {"same": one}),
    ):
        assert ask(client, data | wish).status_code == 409
    assert PairDecision.objects.count() == 1
