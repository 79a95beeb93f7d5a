from __future__ import annotations

import pytest

from hashing.models import DuplicateGroup, ImageAsset, PairDecision
from tests.admin.conftest import messages_of
from tests.admin.review.conftest import (
    ask,
    batch_in,
    form_of,
    hidden_fields,
    image_keys,
    keys_of,
    marked_keys,
    review_address,
    undo_form,
)

HOSTILE = '"><img src=x onerror=alert({place})>.jpg'


def test_same_marks_the_image_and_returns_its_group(reviewer, add_group):
    group = add_group()
    keeper, one, other = keys_of(group)
    response = ask(reviewer, form_of(group, "same", one))
    assert response.status_code == 200
    assert marked_keys() == {one}
    assert image_keys(response) == [keeper, one, other]
    assert response.json()["keys"] == [keeper, one, other]
    assert response.json()["message"] == "1.jpg is marked as a duplicate of 0.jpg."
    assert "marked as duplicate" in response.json()["html"]
    assert "1.jpg is a duplicate of 0.jpg" in response.json()["undo"]


def test_not_the_same_takes_the_image_out_of_its_group(reviewer, add_group):
    group = add_group()
    keeper, one, other = keys_of(group)
    response = ask(reviewer, form_of(group, "different", one))
    assert image_keys(response) == [keeper, other]
    assert marked_keys() == set()
    assert PairDecision.objects.get().verdict == PairDecision.Verdict.DIFFERENT


def test_released_images_are_returned_as_a_group_of_their_own(reviewer, add_group):
    group = add_group(size=3, apart=0b11111)
    keeper, one, other = keys_of(group)
    ask(reviewer, form_of(group, "different", one))
    response = ask(reviewer, form_of(DuplicateGroup.objects.get(keeper=keeper), "different", other))
    assert image_keys(response) == [one, other]
    assert response.json()["keys"] == [keeper, other]


@pytest.mark.parametrize("place", [0, 2])
def test_keep_marks_all_others_and_leaves_nothing_open(reviewer, add_group, place):
    group = add_group()
    keys = keys_of(group)
    response = ask(reviewer, form_of(group, "keep", keys[place]))
    assert response.json()["html"] == ""
    assert marked_keys() == {*keys} - {keys[place]}
    assert response.json()["message"] == f"{place}.jpg is kept, and 2 images are marked as its duplicates."
    assert "2 duplicates of" in response.json()["undo"]


def test_decided_group_is_returned_where_decided_groups_are_shown(reviewer, add_group):
    group = add_group()
    back = f"{review_address('changelist')}?state=all"
    response = ask(reviewer, form_of(group, "keep", group.keeper_id) | {"return_to": back})
    assert image_keys(response) == keys_of(group)
    assert "all decided" in response.json()["html"]


def test_decided_group_is_returned_to_its_own_page(reviewer, add_group):
    group = add_group()
    back = f"{review_address('change', group.pk)}?image={group.keeper_id}"
    response = ask(reviewer, form_of(group, "keep", keys_of(group)[1]) | {"return_to": back})
    assert "all decided" in response.json()["html"]


def test_hostile_file_names_are_escaped_in_a_response(reviewer, add_group):
    group = add_group(names=HOSTILE)
    response = ask(reviewer, form_of(group, "same", keys_of(group)[1])).json()
    assert "<img src=x" not in response["html"] + response["undo"]
    assert "&lt;img src=x" in response["undo"]
    page = reviewer.post(review_address("decide"), form_of(group, "same", keys_of(group)[2]), follow=True)
    assert "<img src=x" not in page.text


def test_without_javascript_a_decision_redirects_to_the_page(reviewer, add_group):
    group = add_group(size=2)
    back = f"{review_address('changelist')}?images=2"
    response = reviewer.post(
        review_address("decide"), form_of(group, "keep", group.keeper_id) | {"return_to": back}, follow=True
    )
    assert response.redirect_chain == [(back, 302)]
    assert messages_of(response) == ["0.jpg is kept, and 1 image is marked as its duplicate."]
    batch = batch_in(undo_form(reviewer))
    response = reviewer.post(review_address("undo"), {"return_to": back, "batch": batch}, follow=True)
    assert response.redirect_chain == [(f"{back}#group-{group.keeper_id}", 302)]


def test_without_javascript_a_refusal_is_a_message(reviewer, add_group):
    group = add_group()
    response = reviewer.post(review_address("decide"), form_of(group, "same", 99), follow=True)
    assert messages_of(response) == ["This image is no longer in this group. Nothing was changed."]


def test_keys_have_no_thousand_separators(reviewer, add_group, settings):
    settings.USE_THOUSAND_SEPARATOR = True
    ImageAsset.objects.bulk_create(ImageAsset(image=f"{number}.jpg") for number in range(1000))
    group = add_group(size=3)
    key = keys_of(group)[1]
    text = reviewer.get(review_address("changelist")).text
    data = hidden_fields(text, review_address("decide"))
    assert int(data["keeper"]) == group.keeper_id > 1000
    for attribute in (f'<button name="same" value="{key}"', f'data-image="{key}"', 'data-width="1999"'):
        assert attribute in text


@pytest.mark.parametrize("page", ["list", "group"])
@pytest.mark.parametrize("button", ["same", "different", "keep"])
def test_forms_of_the_page_work_without_javascript(reviewer, add_group, page, button):
    """Send what a browser without JavaScript would send."""
    group = add_group()
    key = keys_of(group)[1]
    address = review_address("changelist") if page == "list" else review_address("change", group.pk)
    text = reviewer.get(address).text
    data = hidden_fields(text, review_address("decide"))
    assert data.keys() == {
        "csrfmiddlewaretoken",
        "keeper",
        "size",
        "open_count",
        "newest_decision",
        "batch",
        "last_member",
        "return_to",
    }
    assert f'<button name="{button}" value="{key}"' in text
    response = reviewer.post(review_address("decide"), data | {button: key}, follow=True)
    assert "messagelist" in response.text
    assert PairDecision.objects.in_force().filter(batch=data["batch"]).exists()
    assert response.redirect_chain[0][0].startswith(review_address("changelist"))
    undo = hidden_fields(response.text, review_address("undo"))
    assert undo["batch"] == data["batch"]
    reviewer.post(review_address("undo"), undo)
    assert not PairDecision.objects.exists()
