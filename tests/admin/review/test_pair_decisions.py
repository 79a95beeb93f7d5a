from __future__ import annotations

from django.urls import reverse

from hashing.models import DuplicateGroup, PairDecision
from tests.admin.review.conftest import ask, form_of, keys_of
from tests.grouping.conftest import stored_groups

LIST = reverse("admin:hashing_pairdecision_changelist")


def test_selected_decisions_are_taken_back(superuser_client, add_group):
    group = add_group()
    keeper, one, _other = keys_of(group)
    ask(superuser_client, form_of(group, "keep", keeper))
    assert "0/1.jpg" in superuser_client.get(LIST).text
    decision = PairDecision.objects.get(duplicate=one)
    data = {"action": "delete_selected", "_selected_action": [decision.pk], "post": "yes"}
    superuser_client.post(LIST, data)
    group = DuplicateGroup.objects.get()
    assert (group.open_count, group.size) == (1, 3)


def test_image_returns_to_its_group_when_its_verdict_is_taken_back(superuser_client, add_group):
    group = add_group()
    keeper, one, other = keys_of(group)
    ask(superuser_client, form_of(group, "different", one))
    assert stored_groups() == {keeper: {keeper, other}}
    decision = PairDecision.objects.get()
    superuser_client.post(reverse("admin:hashing_pairdecision_delete", args=(decision.pk,)), {"post": "yes"})
    assert stored_groups() == {keeper: {keeper, one, other}}
