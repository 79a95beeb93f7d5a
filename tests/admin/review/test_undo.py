from __future__ import annotations

from django.utils.formats import date_format
from django.utils.timezone import localtime

from hashing.models import PairDecision
from tests.admin.review.conftest import ask, batch_in, form_of, image_keys, keys_of, marked_keys, undo_form, undo_last


def test_undo_restores_the_group(reviewer, add_group):
    group = add_group()
    keys = keys_of(group)
    ask(reviewer, form_of(group, "keep", keys[0]))
    response = undo_last(reviewer)
    assert image_keys(response) == keys
    assert marked_keys() == set()
    assert "<form" not in response.json()["undo"]


def test_undo_is_limited_to_own_decisions(reviewer, superuser_client, add_group):
    group = add_group()
    decided = form_of(group, "keep", group.keeper_id)
    ask(superuser_client, decided)
    assert 'name="batch"' not in undo_form(reviewer)
    response = ask(reviewer, {"batch": decided["batch"]}, "undo")
    assert response.status_code == 409
    assert len(marked_keys()) == 2


def test_undo_takes_back_the_decision_that_its_button_showed(reviewer, add_group):
    one, other = add_group(), add_group()
    first, second = form_of(one, "keep", one.keeper_id), form_of(other, "keep", other.keeper_id)
    ask(reviewer, first)
    ask(reviewer, second)
    # In a second tab, which was loaded before the second decision.
    assert ask(reviewer, {"batch": first["batch"]}, "undo").status_code == 200
    assert marked_keys() == {*keys_of(other)} - {other.keeper_id}


def test_second_undo_of_the_same_decision_is_refused(reviewer, add_group):
    one, other = add_group(), add_group()
    for group in (one, other):
        ask(reviewer, form_of(group, "keep", group.keeper_id))
    shown = batch_in(undo_form(reviewer))
    for status in (200, 409):
        response = ask(reviewer, {"batch": shown}, "undo")
        assert response.status_code == status
    assert response.json()["message"] == "This was taken back already. Nothing was changed."
    assert marked_keys() == {*keys_of(one)} - {one.keeper_id}


def test_undo_of_a_superseded_decision_is_refused(reviewer, superuser_client, add_group):
    group = add_group()
    keys = keys_of(group)
    ask(reviewer, form_of(group, "same", keys[1]))
    ask(superuser_client, form_of(group, "different", keys[1]))
    response = undo_last(reviewer)
    assert response.status_code == 409
    message = response.json()["message"]
    assert message.startswith("superuser decided about these ")
    assert date_format(localtime(PairDecision.objects.latest("pk").decided_at), "SHORT_DATETIME_FORMAT") in message
    assert PairDecision.objects.in_force().get().verdict == PairDecision.Verdict.DIFFERENT


def test_undo_names_the_folders_of_files_with_the_same_name(reviewer, add_group):
    group = add_group(size=2, names="{number}{place}/same.jpg")
    ask(reviewer, form_of(group, "same", keys_of(group)[1]))
    assert "01/same.jpg" in undo_form(reviewer)
    other = add_group(size=2, names="folder/{number}{place}.jpg")
    ask(reviewer, form_of(other, "same", keys_of(other)[1]))
    assert "folder/" not in undo_form(reviewer)
