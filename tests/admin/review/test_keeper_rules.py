from __future__ import annotations

import pytest

from hashing.models import DuplicateGroup, PairDecision
from tests.admin.review.conftest import review_address

pytestmark = pytest.mark.any_database


def page(client, *criteria: str):
    return client.get(review_address("keeper_rules"), {"criteria": "\n".join(criteria)} if criteria else {})


def test_the_page_shows_the_criteria_of_the_site_and_no_change(viewer, add_group):
    add_group()
    response = page(viewer)
    assert "pixels, source, metadata, format, bytes, used, oldest" in response.text
    assert "0 of 1 groups" in response.text


def test_the_page_shows_what_other_criteria_would_choose(viewer, add_group):
    add_group(names="{number}/large-{place}.jpg")
    group = add_group(names="{number}/place-{place}.jpg")
    response = page(viewer, "folder:1/place-2", "pixels")
    [change] = response.context["changes"]
    assert change.group.group == group
    assert str(change.chosen.asset) == "1/place-2.jpg"
    assert change.reason == "in 1/place-2"
    assert response.context["setting"] == '["folder:1/place-2", "pixels"]'


def test_nothing_is_changed(viewer, add_group):
    group = add_group()
    page(viewer, "newest")
    assert DuplicateGroup.objects.get().keeper == group.keeper
    assert not PairDecision.objects.exists()


@pytest.mark.parametrize("criteria", ["nonsense", "pixels:<script>", "\x00", " "])
def test_a_wrong_criterion_is_an_error_on_the_page(viewer, add_group, criteria):
    add_group()
    response = page(viewer, criteria)
    assert response.status_code == 200
    assert response.context["form"].errors
    assert "<script>" not in response.text.partition("hashing-keeper-rules")[2]


def test_hidden_images_are_not_chosen(client_of):
    assert client_of("blind").get(review_address("keeper_rules")).status_code == 403
