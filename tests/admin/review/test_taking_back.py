from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User

from hashing.admin.images.admin import ImageAssetAdmin
from hashing.models import DuplicateGroup, PairDecision
from tests.admin.review.conftest import ask, form_of, image_keys, keys_of, review_address
from tests.grouping.conftest import stored_groups


@pytest.fixture
def decided(superuser_client, add_group):
    """A group of three, of which the first is kept."""
    group = add_group()
    ask(superuser_client, form_of(group, "keep", group.keeper_id))
    return DuplicateGroup.objects.get()


def decision_on(key: int) -> PairDecision:
    return PairDecision.objects.get(duplicate=key)


def take_back(client, group, decision):
    return ask(client, form_of(group, "take_back", decision.pk), "take_back")


def test_one_decision_is_taken_back_and_the_group_shown_again(superuser_client, decided):
    keeper, one, other = keys_of(decided)
    response = take_back(superuser_client, decided, decision_on(one))
    assert response.json()["message"] == "Taken back: 1.jpg is a duplicate of 0.jpg."
    assert image_keys(response) == [keeper, one, other]
    assert DuplicateGroup.objects.get().open_count == 1
    assert PairDecision.objects.get().duplicate_id == other
    assert LogEntry.objects.filter(object_id=one).latest("pk").change_message == response.json()["message"]


def test_browser_without_scripts_stays_on_the_page_of_the_group(superuser_client, decided):
    page = f"{review_address('change', decided.pk)}?image={decided.keeper_id}"
    form = form_of(decided, "take_back", decision_on(keys_of(decided)[1]).pk) | {"return_to": page}
    response = superuser_client.post(review_address("take_back"), form)
    assert response.url.startswith(page)


def test_image_that_is_not_the_same_returns_to_its_group(superuser_client, add_group):
    group = add_group()
    keeper, one, other = keys_of(group)
    ask(superuser_client, form_of(group, "different", one))
    response = take_back(superuser_client, DuplicateGroup.objects.get(), PairDecision.objects.get())
    assert response.json()["message"] == "Taken back: 0.jpg and 1.jpg are not the same."
    assert stored_groups() == {keeper: {keeper, one, other}}


def test_second_click_changes_nothing(superuser_client, decided):
    decision = decision_on(keys_of(decided)[1])
    form = form_of(decided, "take_back", decision.pk)
    assert [ask(superuser_client, form, "take_back").status_code for _click in range(2)] == [200, 409]
    assert PairDecision.objects.count() == 1


@pytest.mark.parametrize(
    ("missing", "status"),
    [("view_imageasset", 403), ("change_duplicategroup", 403), ("delete_pairdecision", 403), ("nothing", 200)],
)
def test_every_permission_is_required(client_of, decided, missing, status):
    client = client_of("reviewer")
    names = {"view_imageasset", "view_duplicategroup", "change_duplicategroup", "delete_pairdecision"} - {missing}
    User.objects.get(username="reviewer").user_permissions.set(Permission.objects.filter(codename__in=names))
    decision = decision_on(keys_of(decided)[1])
    assert take_back(client, decided, decision).status_code == status
    assert PairDecision.objects.filter(pk=decision.pk).exists() is (status == 403)


def test_decision_about_a_hidden_image_stays(superuser_client, decided, monkeypatch):
    hidden = keys_of(decided)[1]
    decision, form = decision_on(hidden), form_of(decided, "take_back", decision_on(hidden).pk)
    show_all = ImageAssetAdmin.get_queryset
    monkeypatch.setattr(ImageAssetAdmin, "get_queryset", lambda *args: show_all(*args).exclude(pk=hidden))
    assert ask(superuser_client, form, "take_back").status_code == 409
    assert PairDecision.objects.filter(pk=decision.pk).exists()


def test_decision_about_an_image_that_may_not_be_changed_stays(superuser_client, decided, monkeypatch):
    decision = decision_on(keys_of(decided)[1])
    form = form_of(decided, "take_back", decision.pk)
    monkeypatch.setattr(
        ImageAssetAdmin, "has_change_permission", lambda _self, _request, obj=None: obj != decision.duplicate
    )
    assert ask(superuser_client, form, "take_back").status_code == 403
    assert PairDecision.objects.filter(pk=decision.pk).exists()
