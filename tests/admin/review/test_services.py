from __future__ import annotations

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from hashing.admin.review.forms import DecisionForm
from hashing.admin.review.services import apply_decision, undo_decisions
from hashing.admin.visibility import ImageAccess
from hashing.grouping.decision_log import DecisionRefused
from hashing.models import DuplicateGroup, PairDecision
from tests.admin.review.conftest import ask, form_of, keys_of


@pytest.fixture
def somebody(db) -> User:
    return User.objects.create_user("somebody")


def access_of(user: User) -> ImageAccess:
    request = HttpRequest()
    request.user = user
    return ImageAccess(request, site)


def act(group: DuplicateGroup, verdict: str, key: int, somebody: User):
    data = QueryDict(urlencode(form_of(group, verdict, key)))
    return apply_decision(DecisionForm.of(data).decision, DuplicateGroup.objects.all(), access_of(somebody))


def logged() -> list[int]:
    return sorted(int(entry.object_id) for entry in LogEntry.objects.all())


@pytest.mark.parametrize("verdict", ["same", "different", "related"])
def test_verdict_is_logged_for_both_images(add_group, somebody, verdict):
    group = add_group()
    keeper, one, _other = keys_of(group)
    act(group, verdict, one, somebody)
    assert logged() == [keeper, one]


def test_keep_is_logged_for_every_image_of_a_small_group(add_group, somebody):
    group = add_group()
    keys = keys_of(group)
    act(group, "keep", keys[0], somebody)
    assert logged() == sorted(keys)
    assert {entry.user for entry in LogEntry.objects.all()} == {somebody}


def test_keep_is_logged_for_the_keeper_of_a_large_group(add_group, somebody):
    group = add_group(size=40)
    chosen = keys_of(group)[20]
    done = act(group, "keep", chosen, somebody)
    assert logged() == [chosen]
    assert len(done.keys) == 13


def test_taking_back_is_logged(add_group, somebody):
    group = add_group()
    keys = keys_of(group)
    act(group, "same", keys[1], somebody)
    assert sorted(undo_decisions(PairDecision.objects.latest("pk").batch, access_of(somebody)).keys) == sorted(keys[:2])
    assert LogEntry.objects.filter(change_message="1.jpg is no longer marked as a duplicate of 0.jpg.").count() == 2


def test_refusal_logs_and_decides_nothing(add_group, somebody):
    group = add_group()
    with pytest.raises(DecisionRefused):
        act(group, "same", group.keeper_id, somebody)
    assert not LogEntry.objects.exists()
    assert not PairDecision.objects.exists()


def test_decision_that_cannot_be_logged_is_not_made(add_group, somebody, monkeypatch):
    def fail(*_arguments):
        raise RuntimeError

    group = add_group()
    monkeypatch.setattr("hashing.admin.review.services.log_messages", fail)
    with pytest.raises(RuntimeError):
        act(group, "same", keys_of(group)[1], somebody)
    assert not PairDecision.objects.exists()


def test_history_page_of_an_image_shows_the_decision(reviewer, add_group, client_of):
    group = add_group()
    keeper, one, other = keys_of(group)
    ask(reviewer, form_of(group, "different", one))
    somebody = client_of("superuser")
    for key in (keeper, one):
        text = somebody.get(reverse("admin:hashing_imageasset_history", args=(key,))).text
        assert "0/1.jpg and 0/0.jpg are not the same" in text
    assert "not the same" not in somebody.get(reverse("admin:hashing_imageasset_history", args=(other,))).text
