from __future__ import annotations

import pytest

from hashing.admin.review import group_search
from hashing.admin.review.group_search import search_groups
from hashing.grouping.group_rows import copy_names, find_renamed
from hashing.models import DuplicateGroup, ImageAsset
from tests.admin.review.conftest import everything, keys_of, review_address


def found(text: str) -> set[int]:
    return {group.keeper_id for group in search_groups(DuplicateGroup.objects.all(), text, everything())}


@pytest.fixture
def groups(add_group):
    return [
        add_group(size=2, names=names)
        for names in ("cats/tom {place}.jpg", "cats/pic-0{place}2.jpg", "d%/x{place}.jpg")
    ]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("tom 1.jpg", {0}),
        ("cats/tom 1.jpg", {0}),
        ("TOM 1.JPG", {0}),
        ("om", {0}),
        ("cats", {0, 1}),
        ("jpg cats tom", {0}),
        ("tom pic", set()),
        ("%", {2}),
        ("_", set()),
        ("012", {1}),
        ("9" * 30, set()),
        ("  ", {0, 1, 2}),
    ],
)
def test_groups_are_found_by_the_names_of_their_images(groups, text, numbers):
    assert found(text) == {groups[number].keeper_id for number in numbers}


def test_groups_are_found_by_number_and_by_name(groups):
    key = keys_of(groups[0])[1]
    ImageAsset.objects.filter(pk=keys_of(groups[2])[1]).update(image=f"x-{key}.jpg")
    copy_names("default", find_renamed("default"))
    assert {groups[0].keeper_id, groups[2].keeper_id} <= found(str(key))


def test_images_without_a_group_are_not_found(groups, add_image):
    add_image("lonely.jpg")
    assert found("lonely.jpg") == found("lonely") == set()


def test_number_of_groups_is_limited(groups, monkeypatch, reviewer):
    monkeypatch.setattr(group_search, "MAX_FOUND", 1)
    assert len(found("cats")) == 1


def test_list_searches_among_the_filtered_groups(reviewer, groups):
    DuplicateGroup.objects.filter(pk=groups[0].pk).update(open_count=0)
    page = reviewer.get(review_address("changelist"), {"q": "cats"})
    assert [shown.keeper.pk for shown in page.context["groups"]] == [groups[1].keeper_id]
    assert 'name="q" value="cats"' in page.text
    page = reviewer.get(review_address("changelist"), {"q": "cats", "state": "all"})
    assert len(page.context["groups"]) == 2
    assert '<input type="hidden" name="state" value="all">' in page.text


@pytest.mark.parametrize("text", ["\0", "a\0b", "' OR 1=1 --", '"><script>', "é\u0301" * 600])
def test_list_survives_any_search(reviewer, groups, text):
    page = reviewer.get(review_address("changelist"), {"q": text})
    assert page.status_code == 200
    assert "<script>" not in page.text.partition('id="content-main"')[2].partition("</main>")[0]


def test_a_search_that_finds_nothing_open_leads_to_the_decided_groups(viewer, groups):
    DuplicateGroup.objects.update(open_count=0)
    page = viewer.get(review_address("changelist"), {"q": "tom & co"}).text
    assert '<a href="?state=all&amp;q=tom%20%26%20co">' in page
    page = viewer.get(review_address("changelist"), {"q": "tom & co", "state": "all"}).text
    assert "?state=all&amp;q=" not in page
