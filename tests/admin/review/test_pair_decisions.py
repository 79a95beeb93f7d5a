from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

from hashing.admin.images.admin import ImageAssetAdmin
from hashing.admin.review import taking_back_views
from hashing.models import DuplicateGroup, PairDecision
from tests.admin.conftest import fields_of, messages_of
from tests.admin.review.conftest import ask, form_of, keys_of
from tests.grouping.conftest import stored_groups

LIST = reverse("admin:hashing_pairdecision_changelist")
TAKE_BACK = reverse("admin:hashing_pairdecision_take_back")
MESSAGE = "Taken back: 1.jpg is a duplicate of 0.jpg."


@pytest.fixture
def decided(superuser_client, add_group):
    """A group of three, of which the first is kept."""
    group = add_group()
    ask(superuser_client, form_of(group, "keep", group.keeper_id))
    return DuplicateGroup.objects.get()


def decision_on(name: str) -> PairDecision:
    return PairDecision.objects.get(duplicate__image=name)


def shown(client, query: str) -> list[str]:
    found = client.get(LIST + query).context["cl"].result_list
    return [decision.duplicate.image.name for decision in found]


def select(client, **data):
    data = {"action": "delete_selected", "_selected_action": [decision_on("0/1.jpg").pk], **data}
    return client.post(LIST, data, follow=True)


def test_list_shows_both_images_and_who_decided(superuser_client, decided):
    page = superuser_client.get(LIST)
    for key in keys_of(decided):
        assert f"/imageasset/{key}/preview/160/" in page.text
    assert "<bdi>superuser</bdi>" in page.text
    assert 'aria-label="Take back: 1.jpg is a duplicate of 0.jpg"' in page.text


def test_list_needs_few_queries(superuser_client, decided, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        superuser_client.get(LIST)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?q=1.jpg", ["0/1.jpg"]),
        ("?q=0.jpg", ["0/2.jpg", "0/1.jpg"]),
        ("?q=0.jpg+2.jpg", ["0/2.jpg"]),
        ("?q=nothing", []),
        ("?verdict__exact=different", []),
        ("?by={user}", ["0/2.jpg", "0/1.jpg"]),
        ("?by=nobody", []),
        ("?decided=today", ["0/2.jpg"]),
        ("?decided=yesterday", []),
        ("?decided=earlier", ["0/1.jpg"]),
    ],
)
def test_search_and_filters(superuser_client, decided, query, names):
    PairDecision.objects.filter(duplicate__image="0/1.jpg").update(decided_at=timezone.now() - timedelta(days=40))
    assert shown(superuser_client, query.format(user=User.objects.get().pk)) == names


def test_decisions_of_deleted_accounts_are_found(superuser_client, decided):
    PairDecision.objects.filter(duplicate__image="0/1.jpg").update(decided_by=987654)
    assert shown(superuser_client, "?by=nobody") == ["0/1.jpg"]


def test_button_takes_one_decision_back_and_returns_to_the_same_page(superuser_client, decided):
    data = {"decision": decision_on("0/1.jpg").pk, "list_query": "q=jpg"}
    page = superuser_client.post(TAKE_BACK, data, follow=True)
    assert page.redirect_chain == [(f"{LIST}?q=jpg", 302)]
    assert messages_of(page) == [MESSAGE]
    group = DuplicateGroup.objects.get()
    assert (group.open_count, group.size) == (1, 3)


def test_second_click_on_the_button_changes_nothing(superuser_client, decided):
    data = {"decision": decision_on("0/1.jpg").pk}
    superuser_client.post(TAKE_BACK, data)
    page = superuser_client.post(TAKE_BACK, data, follow=True)
    assert messages_of(page)[-1] == "This was taken back or decided again already. Nothing was changed."
    assert PairDecision.objects.count() == 1


def test_decision_is_taken_back_on_its_own_page(superuser_client, add_group):
    group = add_group()
    keeper, one, other = keys_of(group)
    ask(superuser_client, form_of(group, "different", one))
    assert stored_groups() == {keeper: {keeper, other}}
    address = reverse("admin:hashing_pairdecision_delete", args=(PairDecision.objects.get().pk,))
    page = superuser_client.get(address)
    assert page.context["title"] == "Take back"
    assert "0.jpg and 1.jpg are not the same" in page.text
    page = superuser_client.post(address, fields_of(page), follow=True)
    assert page.redirect_chain == [(LIST, 302)]
    assert messages_of(page) == ["Taken back: 0.jpg and 1.jpg are not the same."]
    assert stored_groups() == {keeper: {keeper, one, other}}
    assert superuser_client.get(address, follow=True).redirect_chain == [(LIST, 302)]


def test_selected_decisions_are_taken_back_after_a_confirmation(superuser_client, decided):
    page = select(superuser_client)
    assert "1 decision will be taken back" in page.text
    assert PairDecision.objects.count() == 2
    page = superuser_client.post(LIST, fields_of(page), follow=True)
    assert messages_of(page) == ["1 decision was taken back: 1.jpg is a duplicate of 0.jpg."]
    assert DuplicateGroup.objects.get().open_count == 1


def test_later_decisions_are_not_taken_back_with_all_of_the_list(superuser_client, decided, add_group):
    page = select(superuser_client, select_across=1)
    assert "2 decisions will be taken back" in page.text
    group = add_group()
    ask(superuser_client, form_of(group, "keep", group.keeper_id))
    superuser_client.post(LIST, fields_of(page))
    assert set(PairDecision.objects.values_list("duplicate__image", flat=True)) == {"1/1.jpg", "1/2.jpg"}


def test_too_many_decisions_are_taken_back_in_parts(superuser_client, decided, monkeypatch):
    monkeypatch.setattr(taking_back_views, "MAX_TAKEN_BACK", 1)
    page = select(superuser_client, select_across=1)
    assert "At most 1 are taken back at once" in page.text
    page = superuser_client.post(LIST, fields_of(page), follow=True)
    assert messages_of(page)[-1].startswith("More decisions are selected")
    assert list(PairDecision.objects.all()) == [decision_on("0/1.jpg")]


def test_decisions_about_images_that_may_not_be_changed_stay(superuser_client, decided, monkeypatch):
    kept = decision_on("0/1.jpg").duplicate
    monkeypatch.setattr(ImageAssetAdmin, "has_change_permission", lambda _self, _request, obj=None: obj != kept)
    page = superuser_client.post(LIST, fields_of(select(superuser_client, select_across=1)), follow=True)
    assert messages_of(page)[-1] == "1 decision was left: you may not change its images."
    assert list(PairDecision.objects.all()) == [decision_on("0/1.jpg")]


def test_nothing_is_taken_back_without_the_permission(client_of, decided):
    client, decision = client_of("viewer"), decision_on("0/1.jpg")
    names = ["view_imageasset", "view_pairdecision"]
    User.objects.get(username="viewer").user_permissions.set(Permission.objects.filter(codename__in=names))
    assert "Take back" not in client.get(LIST).text
    assert client.post(TAKE_BACK, {"decision": decision.pk}).status_code == 403
    assert client.get(reverse("admin:hashing_pairdecision_delete", args=(decision.pk,))).status_code == 403
    select(client, post="yes")
    assert PairDecision.objects.count() == 2
