from __future__ import annotations

import pytest
from django.contrib.admin import site

from hashing.admin.review.presentation import present_groups
from hashing.admin.review.return_to import ReturnTo
from hashing.models import DuplicateGroup
from tests.admin.review.conftest import everything, keys_of, review_address

LIST = "/admin/hashing/duplicategroup/"


@pytest.mark.parametrize(
    ("address", "place"),
    [
        (LIST, (1, True, {})),
        (f"{LIST}?state=open&p=2", (2, True, {})),
        (f"{LIST}?state=all&order=bytes&q=a%20b", (1, True, {"state": "all", "order": "bytes", "q": "a b"})),
        (f"{LIST}7/change/?p=3&likeness=similar", (3, False, {"likeness": "similar"})),
    ],
)
def test_pages_of_the_review_are_recognized(address, place):
    found = ReturnTo.of(address, site)
    assert (found.page, found.is_list, found.listing.query, found.url) == (*place, address)


@pytest.mark.parametrize(
    "address",
    ["", "https://example.org/", "//example.org/", "/admin/", "javascript:alert(1)", "//example.org/1/change/"],
)
def test_other_addresses_are_the_list(address):
    assert ReturnTo.of(address, site).url == LIST


def test_list_finds_all_groups_of_the_images(add_group):
    groups = [add_group(), add_group(), add_group()]
    keys = [key for group in groups[:2] for key in keys_of(group)]
    shown = ReturnTo.of(LIST, site).find_groups(DuplicateGroup.objects.all(), keys, everything())
    assert {each.group for each in shown} == set(groups[:2])


def test_list_finds_at_most_twenty_groups(add_group):
    keys = [key for _ in range(21) for key in keys_of(add_group(size=2))]
    assert len(ReturnTo.of(LIST, site).find_groups(DuplicateGroup.objects.all(), keys, everything())) == 20


def test_list_considers_at_most_a_hundred_images(add_group):
    group = add_group()
    keys = [*range(10**6, 10**6 + 99), group.keeper_id]
    assert ReturnTo.of(LIST, site).find_groups(DuplicateGroup.objects.all(), keys, everything())
    assert not ReturnTo.of(LIST, site).find_groups(DuplicateGroup.objects.all(), [10**7, *keys], everything())


def test_decided_groups_are_found_on_request(add_group):
    group = add_group()
    DuplicateGroup.objects.update(open_count=0)
    rows, keys = DuplicateGroup.objects.all(), [group.keeper_id]
    assert ReturnTo.of(LIST, site).find_groups(rows, keys, everything()) == []
    [shown] = ReturnTo.of(LIST, site).find_groups(rows, keys, everything(), include_decided=True)
    assert shown.group == group


def test_page_of_a_group_shows_the_group_of_the_first_image(add_group):
    one, other = add_group(), add_group()
    place = ReturnTo.of(review_address("change", one.pk), site)
    (shown,) = place.find_groups(DuplicateGroup.objects.all(), [*keys_of(other), *keys_of(one)], everything())
    assert shown.group == other


def test_page_of_a_group_that_is_gone_leads_to_the_list(add_group):
    place = ReturnTo.of(review_address("change", add_group().pk), site)
    assert place.url_of([]) == LIST


def test_url_of_a_group_has_its_present_key(add_group):
    group = add_group(size=130)
    place = ReturnTo.of(f"{review_address('change', 99)}?p=2", site)
    shown = place.find_groups(DuplicateGroup.objects.all(), [group.keeper_id], everything())
    assert place.url_of(shown) == f"{review_address('change', group.pk)}?image={group.keeper_id}&p=2"


def test_url_of_the_list_has_the_anchor_of_the_group(add_group):
    group = add_group()
    address = ReturnTo.of(f"{LIST}?state=all", site).url_of(present_groups([group], everything()))
    assert address == f"{LIST}?state=all#group-{group.keeper_id}"
