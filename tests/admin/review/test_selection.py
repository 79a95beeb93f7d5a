"""Decisions about several selected images of one group."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry

from hashing.admin.review.forms import CARDS_PER_PAGE
from hashing.models import DuplicateGroup, ImageAsset, PairDecision
from tests.admin.conftest import messages_of
from tests.admin.review.conftest import (
    ask,
    form_of,
    image_keys,
    keys_of,
    marked_keys,
    review_address,
    undo_form,
    undo_last,
)


def selection(group: DuplicateGroup, verdict: str, *keys: int) -> dict[str, object]:
    """Return what the button of a group sends about the images that are checked."""
    return form_of(group, "selected", 0) | {"selected": verdict, "image": list(keys)}


def in_force() -> set[tuple[int, int, str]]:
    return set(PairDecision.objects.in_force().values_list("lower", "higher", "verdict"))


def test_selected_images_are_marked_together(reviewer, add_group):
    group = add_group(size=4)
    keeper, one, two, _three = keys_of(group)
    response = ask(reviewer, selection(group, "same", one, two))
    assert response.json()["message"] == "2 images are marked as duplicates of 0.jpg."
    assert marked_keys() == {one, two}
    assert set(image_keys(response)) == set(keys_of(group))
    assert PairDecision.objects.values("batch").distinct().count() == 1
    logged = {int(entry.object_id): entry.change_message for entry in LogEntry.objects.all()}
    assert logged[one] == "0/1.jpg is marked as a duplicate of 0/0.jpg."
    assert logged.keys() == {keeper, one, two}


def test_selected_images_are_split_off_into_a_group_of_their_own(reviewer, add_group):
    group = add_group(size=5)
    keeper, one, two, three, four = keys_of(group)
    message = ask(reviewer, selection(group, "different", three, four)).json()["message"]
    assert message == "2 images are not the same as 0.jpg, and will not be shown with it again."
    assert [keys_of(each) for each in DuplicateGroup.objects.order_by("keeper")] == [[keeper, one, two], [three, four]]


def test_selected_images_belong_together(reviewer, add_group):
    group = add_group(size=4)
    keeper, one, two, three = keys_of(group)
    # That the keeper is selected as well changes nothing.
    message = ask(reviewer, selection(group, "related", keeper, one, two)).json()["message"]
    assert message.startswith("2 images and 0.jpg belong together: all stay")
    assert in_force() == {(keeper, one, "related"), (keeper, two, "related"), (one, two, "related")}
    assert [keys_of(each) for each in DuplicateGroup.objects.all()] == [[keeper, three]]


def test_selected_images_are_kept_and_the_best_of_them_in_place_of_the_others(reviewer, add_group):
    group = add_group(size=5)
    keeper, one, two, three, four = keys_of(group)
    message = ask(reviewer, selection(group, "keep", two, one)).json()["message"]
    assert message == "2 images are kept and belong together. 3 images are marked as duplicates of 1.jpg."
    assert marked_keys() == {keeper, three, four}
    assert (one, two, "related") in in_force()
    assert set(PairDecision.objects.filter(verdict="same").values_list("lower", "higher")) == {
        (keeper, one),
        (one, three),
        (one, four),
    }


def test_a_re_save_is_not_the_best_of_the_images_that_are_kept(reviewer, add_group):
    group = add_group(size=4)
    _keeper, png, jpeg, other = keys_of(group)
    ImageAsset.objects.filter(pk__in=[png, jpeg]).update(width=1500, file_size=1002)
    ImageAsset.objects.filter(pk=png).update(file_format="PNG")
    ImageAsset.objects.filter(pk=jpeg).update(file_format="JPEG", jpeg_quality=90)
    ask(reviewer, selection(group, "keep", png, jpeg))
    marks = PairDecision.objects.filter(duplicate=other)
    assert [mark.lower_id + mark.higher_id - other for mark in marks] == [jpeg]


def test_all_images_can_be_kept(reviewer, add_group):
    group = add_group()
    message = ask(reviewer, selection(group, "keep", *keys_of(group))).json()["message"]
    assert message == "3 images are kept, and belong together."
    assert not DuplicateGroup.objects.exists()


def test_one_selected_image_is_decided_like_by_the_button_of_its_card(reviewer, add_group):
    group = add_group()
    one = keys_of(group)[1]
    assert ask(reviewer, selection(group, "keep", one)).json()["message"] == (
        "1.jpg is kept, and 2 images are marked as its duplicates."
    )


def test_one_undo_takes_all_back_and_says_so(reviewer, add_group):
    group = add_group(size=5)
    keys = keys_of(group)
    ask(reviewer, selection(group, "same", *keys[1:4]))
    assert "3 duplicates of 0.jpg" in undo_form(reviewer)
    assert undo_last(reviewer).json()["message"] == "3 images are no longer marked as duplicates of 0.jpg."
    ask(reviewer, selection(group, "keep", *keys[:2]))
    assert "2 images kept together, and 3 duplicates" in undo_form(reviewer)
    assert undo_last(reviewer).json()["message"] == (
        "2 images are no longer kept together, nor 3 marked as duplicates."
    )
    ask(reviewer, selection(group, "different", *keys[3:]))
    assert "2 images are not the same as their keeper" in undo_form(reviewer)
    message = undo_last(reviewer).json()["message"]
    assert message == "It is open again whether 2 images are the same as their keeper."
    ask(reviewer, selection(group, "related", *keys[1:3]))
    assert "3 images belong together" in undo_form(reviewer)
    assert undo_last(reviewer).json()["message"] == "3 images no longer belong together."
    assert not PairDecision.objects.exists()
    assert sorted(keys_of(DuplicateGroup.objects.get())) == keys


def test_images_that_were_decided_already_are_left_as_they_were(reviewer, add_group):
    group = add_group(size=4)
    _keeper, one, two, three = keys_of(group)
    ask(reviewer, form_of(group, "same", one))
    message = ask(reviewer, selection(group, "different", one, two, three)).json()["message"]
    assert message.endswith("shown with it again. 1 image was left as it was: already decided.")
    assert marked_keys() == {one}


def test_images_decided_since_the_page_was_shown_are_left_as_they_were(reviewer, superuser_client, add_group):
    group = add_group(size=5)
    keeper, one, two, three, four = keys_of(group)
    seen = selection(group, "same", one, two, three, four)
    ask(superuser_client, form_of(group, "different", one))
    ask(superuser_client, form_of(group, "same", two))
    message = ask(reviewer, seen).json()["message"]
    assert message.startswith("2 images are marked as duplicates of 0.jpg. 2 images were left as they were: decided on")
    assert message.endswith("after this page was loaded (superuser).")
    assert in_force() == {(keeper, one, "different"), *((keeper, key, "same") for key in (two, three, four))}


def test_image_that_has_left_the_group_is_left_as_it_was(reviewer, add_group):
    group = add_group(size=4)
    _keeper, one, two, three = keys_of(group)
    seen = selection(group, "same", one, two, three)
    ask(reviewer, form_of(group, "different", one))
    seen["newest_decision"] = PairDecision.objects.latest("pk").pk
    ImageAsset.objects.filter(pk=two).delete()
    message = ask(reviewer, seen).json()["message"]
    assert message.endswith("2 images were left as they were: no longer in this group.")
    assert marked_keys() == {three}


@pytest.mark.parametrize("verdict", ["same", "different", "related"])
def test_decision_about_nothing_is_refused_and_says_why(reviewer, add_group, verdict):
    group = add_group()
    keeper, one, two = keys_of(group)
    for key in (one, two):
        ask(reviewer, form_of(group, "same", key))
    response = ask(reviewer, selection(group, verdict, one, two))
    assert response.status_code == 409
    assert response.json()["message"] == "2 images were left as they were: already decided. Nothing was changed."
    assert ask(reviewer, selection(group, verdict, keeper)).status_code == 409
    assert PairDecision.objects.count() == 2


@pytest.mark.parametrize("headers", [True, False])
def test_selection_of_nothing_is_refused_with_a_message(reviewer, add_group, headers):
    data = selection(add_group(), "same")
    if headers:
        response = ask(reviewer, data)
        assert (response.status_code, response.json()["message"]) == (409, "No image is selected. Nothing was changed.")
    else:
        response = reviewer.post(review_address("decide"), data, follow=True)
        assert messages_of(response) == ["No image is selected. Nothing was changed."]


def test_keeping_several_is_refused_when_anything_in_the_group_has_changed(reviewer, superuser_client, add_group):
    group = add_group(size=5)
    keys = keys_of(group)
    seen = selection(group, "keep", *keys[:2])
    ask(superuser_client, form_of(group, "different", keys[4]))
    response = ask(reviewer, seen)
    assert response.status_code == 409
    assert "changed in the meantime" in response.json()["message"]
    gone = selection(group, "keep", keys[0], keys[4])
    assert "no longer in this group" in ask(reviewer, gone).json()["message"]
    assert marked_keys() == set()


def test_keeping_an_image_without_a_file_is_refused(reviewer, add_group, media):
    group = add_group(size=4)
    keys = keys_of(group)
    (media / "0/1.jpg").unlink()
    assert "cannot be kept" in ask(reviewer, selection(group, "keep", *keys[1:3])).json()["message"]
    assert marked_keys() == set()


@pytest.mark.parametrize("verdict", ["same", "different", "related", "keep"])
def test_selection_that_is_sent_twice_decides_once(reviewer, add_group, verdict):
    group = add_group(size=5)
    keys = keys_of(group)
    ask(reviewer, form_of(group, "same", keys[4]))
    data = selection(group, verdict, *(keys[2:] if verdict != "keep" else keys[1:3]))
    responses = [ask(reviewer, data) for _ in range(2)]
    assert [response.status_code for response in responses] == [200, 200]
    assert responses[0].json()["message"] == responses[1].json()["message"]
    assert PairDecision.objects.values("batch").distinct().count() == 2


@pytest.mark.parametrize(
    "change",
    [
        {"selected": "none"},
        {"selected": ""},
        {"image": ["x"]},
        {"image": [2**63]},
        {"same": 1},
        {"image": [*range(62)]},
    ],
)
def test_invalid_selection_is_a_bad_request(reviewer, add_group, change):
    group = add_group()
    assert CARDS_PER_PAGE == 60
    assert ask(reviewer, selection(group, "same", *keys_of(group)) | change).status_code == 400
    assert not PairDecision.objects.exists()


def test_button_of_a_card_is_about_its_image_whatever_is_selected(reviewer, add_group):
    group = add_group()
    _keeper, one, two = keys_of(group)
    ask(reviewer, form_of(group, "same", one) | {"image": [two]})
    assert marked_keys() == {one}
