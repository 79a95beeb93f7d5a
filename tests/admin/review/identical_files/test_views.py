from __future__ import annotations

import re
from itertools import count

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hashing.admin.review.identical_files import services, views
from hashing.models import DuplicateGroup, GroupMember, ImageAsset, PairDecision
from tests.admin.conftest import messages_of
from tests.admin.review.conftest import ask, form_of, keys_of, marked_keys, review_address, undo_form, undo_last

ADDRESS = "identical_files"


def token_of(response) -> str:
    return re.findall(r'name="job" value="([^"]*)"', response.text)[0]


def look(client):
    return client.get(review_address(ADDRESS))


def confirm(client, token: str):
    return client.post(review_address(ADDRESS), {"job": token, "confirmed": "yes"}, follow=True)


def keep_all(client):
    return confirm(client, token_of(look(client)))


@pytest.fixture
def add_identical(add_group):
    """Return a function that adds a group of images with one digest."""

    def add(size: int = 3, **fields) -> DuplicateGroup:
        number = DuplicateGroup.objects.count()
        return add_group(size, **{"file_digest": f"{number:064x}", "apart": 0} | fields)

    return add


def test_page_shows_how_many_groups_there_are_and_some_of_them(reviewer, add_identical, add_group):
    for _number in range(3):
        add_identical()
    add_group()
    response = look(reviewer)
    assert "3 groups of equal files" in response.text
    assert "6 undecided images have" in response.text
    assert len(response.context["sample"]) == 3


def test_list_links_to_the_page(reviewer, add_group):
    add_group()
    page = reviewer.get(review_address("changelist")).text
    assert f'href="{review_address(ADDRESS)}">Groups of equal files</a>' in page


def test_sample_is_spread_over_all_groups(reviewer, add_identical):
    keepers = [add_identical(2).keeper_id for _number in range(26)]
    shown = [
        [each.group.keeper.pk for each in reviewer.get(review_address(ADDRESS), {"sample": start}).context["sample"]]
        for start in (0, 1)
    ]
    assert shown == [keepers[0:24:2], keepers[1:25:2]]


def test_page_shows_the_keeper_and_its_first_copies(reviewer, add_identical):
    add_identical(6)
    page = look(reviewer).text
    assert page.count('class="hashing-identical__copy"') == 3
    assert "5 copies:" in page
    assert "and 2 more" in page


def test_groups_that_are_left_out_stay_open(reviewer, add_identical):
    one, two, three, four = (add_identical(2) for _number in range(4))
    token = token_of(look(reviewer))

    def send(token: str, **data):
        return reviewer.post(review_address(ADDRESS), {"job": token, **data})

    page = send(token, shown=[one.pk, two.pk, three.pk], left_out=[one.pk, two.pk], sample="1")
    # On the page with other groups, and with one of these again, which is no longer ticked.
    page = send(token_of(page), shown=[two.pk, four.pk], left_out=[four.pk])
    assert "Keep the suggested image of each of 2 groups" in page.text
    assert "2 groups are left out" in page.text
    assert messages_of(confirm(reviewer, token_of(page)))[0].startswith("2 images in 2 groups are marked")
    assert set(DuplicateGroup.objects.open()) == {one, four}


def test_groups_left_out_are_ticked_when_they_are_shown_again(reviewer, add_identical):
    one = add_identical(2)
    add_identical(2)
    page = reviewer.post(review_address(ADDRESS), {"job": token_of(look(reviewer)), "left_out": one.pk})
    page = reviewer.post(review_address(ADDRESS), {"job": token_of(page), "sample": "0"})
    assert re.findall(r'name="left_out" value="(\d+)"[^>]* checked', page.text) == [str(one.pk)]


def test_nothing_is_changed_before_the_confirmation(reviewer, add_identical):
    add_identical()
    token = token_of(look(reviewer))
    response = reviewer.post(review_address(ADDRESS), {"job": token})
    assert "Keep the suggested image of 1 group" in response.text
    assert not PairDecision.objects.exists()
    confirm(reviewer, token_of(response))
    assert PairDecision.objects.count() == 2


def test_all_groups_of_equal_files_are_decided_and_no_others(reviewer, add_identical, add_group):
    groups = [add_identical(), add_identical(2)]
    add_group()
    mixed = add_identical()
    ImageAsset.objects.filter(pk=keys_of(mixed)[2]).update(file_digest="f" * 64)
    response = keep_all(reviewer)
    assert messages_of(response) == ["3 images in 2 groups are marked as duplicates of the suggested keepers."]
    assert marked_keys() == {key for group in groups for key in keys_of(group)} - {each.keeper_id for each in groups}
    assert PairDecision.objects.values("batch").distinct().count() == 1
    assert list(DuplicateGroup.objects.filter(open_count=0).order_by("pk")) == groups
    logged = LogEntry.objects.filter(change_message="0/0.jpg is kept, and 2 images are marked as its duplicates.")
    assert logged.get().object_id == str(groups[0].keeper_id)


def test_group_whose_other_images_are_decided_is_one_of_equal_files(reviewer, add_identical):
    _keeper, one, other = keys_of(add_identical())
    ImageAsset.objects.filter(pk=one).update(file_digest="f" * 64)
    ask(reviewer, form_of(DuplicateGroup.objects.get(), "same", one))
    keep_all(reviewer)
    assert marked_keys() == {one, other}


def test_one_undo_takes_back_all(reviewer, add_identical, monkeypatch):
    monkeypatch.setattr("hashing.grouping.decisions.MAX_UNDONE", 2)
    for _number in range(3):
        add_identical()
    keep_all(reviewer)
    assert "6 duplicates in 3 groups" in undo_form(reviewer)
    response = undo_last(reviewer)
    assert response.json()["message"] == "6 images in 3 groups are no longer marked as duplicates."
    assert not PairDecision.objects.exists()
    assert [group.open_count for group in DuplicateGroup.objects.all()] == [2, 2, 2]


def test_undo_that_takes_too_long_for_one_request_is_continued_by_the_next(reviewer, add_identical, monkeypatch):
    monkeypatch.setattr("hashing.grouping.decisions.MAX_UNDONE", 2)
    for _number in range(3):
        add_identical()
    keep_all(reviewer)
    # Each look at the clock is later than the time limit.
    monkeypatch.setattr("hashing.admin.review.services.time.monotonic", count(step=100).__next__)
    message = undo_last(reviewer).json()["message"]
    assert message == "2 of 6 decisions were taken back. Undo again to take back the others."
    assert PairDecision.objects.count() == 4
    undo_last(reviewer)
    undo_last(reviewer)
    assert not PairDecision.objects.exists()


def test_long_decision_continues_on_a_page_with_its_progress(reviewer, add_identical, monkeypatch):
    monkeypatch.setattr(views, "SECONDS", 0.0)
    monkeypatch.setattr(services, "MAX_GROUPS", 2)
    for _number in range(5):
        add_identical()
    page = keep_all(reviewer)
    assert "2 of 5 groups" in page.text
    page = confirm(reviewer, token_of(page))
    assert "4 of 5 groups" in page.text
    page = confirm(reviewer, token_of(page))
    while not messages_of(page):
        page = confirm(reviewer, token_of(page))
    assert messages_of(page) == ["10 images in 5 groups are marked as duplicates of the suggested keepers."]
    assert PairDecision.objects.values("batch").distinct().count() == 1


def test_decision_that_was_interrupted_is_completed_under_the_same_key(reviewer, add_identical, monkeypatch):
    def fail_the_second_time(*arguments):
        if PairDecision.objects.count() > 2:
            raise RuntimeError
        stock(*arguments)

    stock = services.log_messages
    monkeypatch.setattr(services, "MAX_GROUPS", 1)
    for _number in range(3):
        add_identical()
    token = token_of(look(reviewer))
    with monkeypatch.context() as patched:
        patched.setattr(services, "log_messages", fail_the_second_time)
        with pytest.raises(RuntimeError):
            confirm(reviewer, token)
    assert [group.open_count for group in DuplicateGroup.objects.order_by("pk")] == [0, 2, 2]
    assert messages_of(confirm(reviewer, token)) == [
        "6 images in 3 groups are marked as duplicates of the suggested keepers."
    ]
    assert PairDecision.objects.values("batch").distinct().count() == 1


def test_groups_that_changed_after_the_page_was_shown_are_left(reviewer, add_identical, media):
    grown, lost, sound = (add_identical() for _number in range(3))
    token = token_of(look(reviewer))
    last = GroupMember.objects.latest("pk").pk
    GroupMember.objects.filter(group=grown, position=2).update(id=last + 1000)
    (media / lost.keeper.image.name).unlink()
    late = add_identical()
    assert messages_of(confirm(reviewer, token)) == [
        "2 images in 1 group are marked as duplicates of the suggested keepers.",
        "1 group was left as it was: the file of the keeper is missing, or not the one that was hashed.",
        "1 group was left as it was: changed since the page was loaded.",
    ]
    assert marked_keys() == {*keys_of(sound)} - {sound.keeper_id}
    assert late.keeper_id not in marked_keys()


def test_group_that_is_no_longer_of_equal_files_when_it_is_decided_is_left(reviewer, add_identical, monkeypatch):
    group = add_identical()

    def replace_file(*arguments):
        ImageAsset.objects.filter(pk=keys_of(group)[1]).update(file_digest="f" * 64)
        return stock(*arguments)

    stock = services.check_keepers
    monkeypatch.setattr(services, "check_keepers", replace_file)
    assert messages_of(keep_all(reviewer)) == ["1 group was left as it was: changed since the page was loaded."]
    assert not PairDecision.objects.exists()


def test_image_that_is_marked_as_a_duplicate_of_another_one_is_left(reviewer, add_identical, django_user_model):
    group, other = add_identical(), add_identical(2)
    one, kept = ImageAsset.objects.get(pk=keys_of(group)[1]), other.keeper
    PairDecision.objects.create(
        lower=one,
        higher=kept,
        verdict="same",
        duplicate=one,
        lower_file=one.image.name,
        higher_file=kept.image.name,
        batch="0" * 32,
    )
    assert "is marked as a duplicate of one outside" in messages_of(keep_all(reviewer))[1]
    assert keys_of(group)[2] not in marked_keys()


def test_unavailable_storage_ends_the_decision(reviewer, add_identical, monkeypatch):
    def unavailable(_asset):
        raise services.StorageUnavailable("timed out")

    add_identical()
    monkeypatch.setattr(services, "file_problem", unavailable)
    assert messages_of(keep_all(reviewer)) == [
        "The storage is unavailable: timed out. The other groups were left as they were."
    ]
    assert not PairDecision.objects.exists()


@pytest.mark.parametrize("token", ["", "x", "own"])
def test_token_of_somebody_else_changes_nothing(reviewer, superuser_client, add_identical, token):
    add_identical()
    chosen = token_of(look(superuser_client)) if token == "own" else token
    assert "expired" in messages_of(confirm(reviewer, chosen))[0]
    assert not PairDecision.objects.exists()


def test_second_answer_to_the_same_page_changes_nothing(reviewer, add_identical):
    add_identical()
    token = token_of(look(reviewer))
    for _number in range(2):
        confirm(reviewer, token)
    assert PairDecision.objects.count() == 2


def test_viewer_sees_the_page_without_a_button(viewer, reviewer, add_identical):
    add_identical()
    assert "Keep the suggested" not in look(viewer).text
    assert viewer.post(review_address(ADDRESS), {"job": token_of(look(reviewer))}).status_code == 403


def test_queries_do_not_grow_with_the_groups(reviewer, add_identical):
    def count_queries() -> int:
        with CaptureQueriesContext(connection) as queries:
            look(reviewer)
        return len(queries)

    add_identical()
    count_queries()
    few = count_queries()
    for _number in range(14):
        add_identical(2)
    assert count_queries() == few < 15
