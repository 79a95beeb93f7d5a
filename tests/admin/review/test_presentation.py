from __future__ import annotations

import pytest

from hashing.admin.review.presentation import present_group_page, present_groups
from hashing.fingerprint.similarity import Framing
from hashing.grouping.decisions import decide_different, decide_same, delete_decisions, keep
from hashing.models import DuplicateGroup, GroupMember, ImageAsset, PairDecision
from tests.admin.review.conftest import everything, keys_of, review_address

pytestmark = pytest.mark.any_database


def cards_of(group):
    group.refresh_from_db()
    (shown,) = present_groups([group], everything())
    return shown.cards


def test_keeper_is_the_first_card_and_is_not_open(add_group):
    cards = cards_of(add_group())
    assert [card.is_keeper for card in cards] == [True, False, False]
    assert [card.is_open for card in cards] == [False, True, True]


def test_small_group_is_shown_whole_when_its_positions_have_gaps(add_group):
    group = add_group(size=3)
    GroupMember.objects.filter(group=group, position=2).update(position=700)
    assert len(cards_of(group)) == 3


def test_image_stays_on_its_page_when_others_leave(add_group, django_user_model):
    group, editor = add_group(size=130), django_user_model.objects.create_user("editor")
    before = {card.asset.pk for card in present_group_page(group, 2, everything()).cards}
    decide_different(group, [keys_of(group)[5]], editor.pk)
    group.refresh_from_db()
    assert {card.asset.pk for card in present_group_page(group, 2, everything()).cards} == before


@pytest.mark.parametrize(
    ("asked", "page", "positions"),
    [
        (0, 1, range(1, 61)),
        (1, 1, range(1, 61)),
        (2, 2, range(61, 121)),
        (3, 3, range(121, 122)),
        (4, 3, range(121, 122)),
        (10**9, 3, range(121, 122)),
    ],
)
def test_pages_of_a_group_are_ranges_of_positions_with_the_keeper_on_each(add_group, asked, page, positions):
    group = add_group(size=122)
    shown = present_group_page(group, asked, everything())
    assert (shown.page, shown.pages) == (page, 3)
    assert [card.member.position for card in shown.cards] == [0, *positions]


def test_full_last_page_is_the_last(add_group):
    assert present_group_page(add_group(size=121), 3, everything()).page == 2


@pytest.mark.parametrize(("size", "shown"), [(12, 12), (13, 12)])
def test_list_shows_the_first_cards_of_a_group(add_group, size, shown):
    group = add_group(size=size)
    [beginning] = present_groups([group], everything())
    assert [card.member.position for card in beginning.cards] == list(range(shown))
    assert beginning.hidden_count == size - shown
    assert ("last_member" in beginning.form_values) is (size == shown)


def test_a_file_with_the_same_bytes_is_identical_and_another_similar(add_group):
    group = add_group(size=3, file_digest="a" * 64)
    ImageAsset.objects.filter(pk=keys_of(group)[2]).update(file_digest="b" * 64)
    assert [card.likeness for card in cards_of(group)[1:]] == ["identical file", "very similar"]


def test_a_group_of_equal_files_says_so(add_group):
    groups = [add_group(file_digest="a" * 64), add_group()]
    shown = present_groups(groups, everything())
    assert [group.likeness for group in shown] == ["identical files", "very similar"]


def test_the_keeper_has_facts_and_the_others_have_differences(add_group):
    keeper, other, *_rest = cards_of(add_group(size=2, exif_count=3, file_format="PNG", file_size=1000))
    assert (keeper.facts[2], keeper.differences) == ("PNG", [])
    ImageAsset.objects.filter(pk=other.asset.pk).update(exif_count=0)
    [_, other] = cards_of(DuplicateGroup.objects.get())
    assert (other.facts, [found.label for found in other.differences]) == ([], ["no EXIF"])


def test_a_turned_copy_has_the_shape_of_the_keeper(add_group):
    group = add_group(size=2, width=300, height=200, file_size=1000, created_at="2026-01-01T00:00Z")
    ImageAsset.objects.filter(pk=keys_of(group)[1]).update(width=200, height=300)
    GroupMember.objects.filter(group=group, position=1).update(orientation=6)
    assert cards_of(group)[1].differences == []


def test_the_inside_of_a_frame_is_outlined_where_the_keeper_has_none(add_group):
    box = {"inside_left": 0, "inside_top": 101, "inside_right": 1000, "inside_bottom": 899}
    group = add_group(**box)
    GroupMember.objects.filter(group=group, position=1).update(framing=Framing.ROW)
    GroupMember.objects.filter(group=group, position=2).update(framing=Framing.BOTH)
    assert [card.outlined for card in cards_of(group)] == [None, (0, 101, 1000, 899), None]


def test_only_turned_copies_have_an_orientation(add_group):
    group = add_group()
    GroupMember.objects.filter(group=group, position=2).update(orientation=6)
    assert [card.orientation for card in cards_of(group)] == ["", "", "turned right"]


def test_card_of_a_marked_image_has_its_decision(add_group, django_user_model):
    group, editor = add_group(size=3), django_user_model.objects.create_user("editor")
    keeper, one, other = keys_of(group)
    decide_same(group, [one], editor.pk)
    marks = {card.asset.pk: card.mark for card in cards_of(group)}
    assert (marks[keeper], marks[other]) == (None, None)
    assert marks[one].duplicate_id == one
    assert all(card.kept_instead is None for card in cards_of(group))


def test_card_names_the_image_kept_instead_if_it_is_not_the_keeper(add_group, django_user_model):
    group, editor = add_group(size=3), django_user_model.objects.create_user("editor")
    best, one, other = keys_of(group)
    keep(group, [one], editor.pk)
    pair = (min(best, one), max(best, one))
    delete_decisions({pair}, "default")
    cards = {card.asset.pk: card for card in cards_of(DuplicateGroup.objects.get())}
    assert cards[other].kept_instead.pk == one
    assert cards[other].is_open


def test_keeper_chosen_by_a_person_has_a_reason(add_group, django_user_model):
    group, editor = add_group(size=3), django_user_model.objects.create_user("editor")
    keep(group, [keys_of(group)[2]], editor.pk)
    (shown,) = present_groups([DuplicateGroup.objects.get()], everything())
    assert shown.keeper_reason == "by a decision"


def test_card_of_a_marked_image_has_a_button_that_takes_it_back(client_of, add_group, django_user_model):
    group = add_group(size=2)
    superuser, reviewer = client_of("superuser"), client_of("reviewer")
    keep(group, [group.keeper_id], django_user_model.objects.get(username="reviewer").pk)
    page = review_address("changelist") + "?state=all"
    button = f'name="take_back" value="{PairDecision.objects.get().pk}" formaction="{review_address("take_back")}"'
    assert button in superuser.get(page).text
    assert "take_back" not in reviewer.get(page).text
