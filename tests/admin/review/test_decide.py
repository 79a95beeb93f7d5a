from __future__ import annotations

import pytest
from django.urls import reverse

from hashing.models import DuplicateGroup, GroupMember, MarkedDuplicate, PairDecision
from tests.admin.conftest import messages_of
from tests.admin.review.conftest import JSON, keys_of, review_address

HOSTILE = '"><img src=x onerror=alert({place})>.jpg'


def wish(group: DuplicateGroup, verdict: str, key: int, **other) -> dict[str, object]:
    """What the button sends."""
    seen = {"keeper": group.keeper_id, "seen": group.size, "back": review_address("changelist")}
    return seen | {verdict: key} | other


def ask(client, data, name="decide"):
    return client.post(review_address(name), data, headers=JSON)


def marked() -> set[int]:
    return set(MarkedDuplicate.objects.values_list("pk", flat=True))


def pictures(answer) -> list[int]:
    parts = answer.json()["html"].split('data-picture="')[1:]
    return [int(part.partition('"')[0]) for part in parts]


def test_same_marks_the_picture_and_answers_with_its_group(reviewer, add_group):
    group = add_group()
    keeper, one, other = keys_of(group)
    answer = ask(reviewer, wish(group, "same", one))
    assert answer.status_code == 200
    assert marked() == {one}
    assert pictures(answer) == [keeper, one, other]
    assert answer.json()["keys"] == [keeper, one, other]
    assert answer.json()["message"] == "0/1.jpg is marked as a duplicate of 0/0.jpg."
    assert "marked as duplicate" in answer.json()["html"]
    assert "1.jpg is a duplicate of 0.jpg" in answer.json()["undo"]


def test_not_the_same_takes_the_picture_out_of_the_answer(reviewer, add_group):
    group = add_group()
    keeper, one, other = keys_of(group)
    answer = ask(reviewer, wish(group, "different", one))
    assert pictures(answer) == [keeper, other]
    assert marked() == set()
    assert PairDecision.objects.get().verdict == PairDecision.Verdict.DIFFERENT


def test_pictures_that_are_set_free_come_back_as_a_group_of_their_own(reviewer, add_group):
    group = add_group(size=3, apart=0b11111)
    keeper, one, other = keys_of(group)
    ask(reviewer, wish(group, "different", one))
    answer = ask(reviewer, wish(DuplicateGroup.objects.get(keeper=keeper), "different", other))
    assert pictures(answer) == [one, other]
    assert answer.json()["keys"] == [keeper, other]


@pytest.mark.parametrize("place", [0, 2])
def test_keep_marks_all_others_and_leaves_nothing_open(reviewer, add_group, place):
    group = add_group()
    keys = keys_of(group)
    answer = ask(reviewer, wish(group, "keep", keys[place]))
    assert answer.json()["html"] == ""
    assert marked() == {*keys} - {keys[place]}
    assert answer.json()["message"] == f"0/{place}.jpg is kept, and 2 pictures are marked as its duplicates."
    assert "2 duplicates of" in answer.json()["undo"]


def test_decided_group_stays_where_decided_ones_are_shown(reviewer, add_group):
    group = add_group()
    back = f"{review_address('changelist')}?state=all"
    answer = ask(reviewer, wish(group, "keep", group.keeper_id, back=back))
    assert pictures(answer) == keys_of(group)
    assert "all decided" in answer.json()["html"]


def test_undo_brings_the_group_back(reviewer, add_group):
    group = add_group()
    keys = keys_of(group)
    ask(reviewer, wish(group, "keep", keys[0]))
    answer = ask(reviewer, {"back": review_address("changelist")}, "undo")
    assert pictures(answer) == keys
    assert marked() == set()
    assert "<form" not in answer.json()["undo"]


def test_nothing_to_undo_is_said(reviewer, add_group):
    add_group()
    answer = ask(reviewer, {}, "undo")
    assert answer.json()["message"] == "There is nothing to take back."
    assert answer.json()["html"] == ""


def test_everybody_undoes_his_own(reviewer, superuser_client, add_group):
    group = add_group()
    ask(superuser_client, wish(group, "keep", group.keeper_id))
    answer = ask(reviewer, {}, "undo").json()
    assert answer["message"] == "There is nothing to take back."
    assert "<form" not in answer["undo"]
    assert len(marked()) == 2


@pytest.fixture
def superuser_client(client_of):
    return client_of("superuser")


def test_undo_of_what_somebody_has_decided_anew_is_refused(reviewer, superuser_client, add_group):
    group = add_group()
    keys = keys_of(group)
    ask(reviewer, wish(group, "same", keys[1]))
    ask(superuser_client, wish(group, "different", keys[1]))
    answer = ask(reviewer, {"back": review_address("changelist")}, "undo")
    assert answer.status_code == 409
    assert "Somebody has decided" in answer.json()["message"]
    assert PairDecision.objects.current().get().verdict == PairDecision.Verdict.DIFFERENT


def test_picture_that_has_left_the_group_is_refused_with_the_group_as_it_is(reviewer, add_group):
    group = add_group()
    keeper, one, other = keys_of(group)
    ask(reviewer, wish(group, "different", one))
    answer = ask(reviewer, wish(group, "same", one))
    assert answer.status_code == 409
    assert "not in this group any more" in answer.json()["message"]
    assert pictures(answer) == [keeper, other]
    assert PairDecision.objects.count() == 1


def test_keep_of_a_group_that_has_grown_is_refused(reviewer, add_group):
    group = add_group()
    answer = ask(reviewer, wish(group, "keep", group.keeper_id, seen=2))
    assert answer.status_code == 409
    assert "changed in the meantime" in answer.json()["message"]
    assert marked() == set()


def test_keep_of_a_group_in_which_one_has_taken_the_place_of_another_is_refused(reviewer, add_group):
    group = add_group()
    last = max(group.members.values_list("pk", flat=True))
    assert f'name="last" value="{last}"' in reviewer.get(review_address("changelist")).text
    unseen = GroupMember.objects.filter(group=group, position=2)
    values = unseen.values().get()
    unseen.delete()
    GroupMember.objects.create(**values | {"id": last + 1, "position": 2})
    answer = ask(reviewer, wish(group, "keep", group.keeper_id, last=last))
    assert answer.status_code == 409
    assert marked() == set()


def test_page_of_a_group_shows_it_decided(reviewer, add_group):
    group = add_group()
    back = f"{review_address('change', group.pk)}?picture={group.keeper_id}"
    answer = ask(reviewer, wish(group, "keep", keys_of(group)[1], back=back))
    assert "all decided" in answer.json()["html"]


@pytest.mark.parametrize(
    "change", [{"same": "x"}, {"same": ""}, {"same": "1" * 30}, {"same": -1}, {"keeper": ""}, {"seen": "two"}]
)
def test_what_no_button_sends_is_a_bad_request(reviewer, add_group, change):
    group = add_group()
    assert ask(reviewer, wish(group, "same", keys_of(group)[1]) | change).status_code == 400
    assert PairDecision.objects.count() == 0


def test_two_verdicts_at_once_and_none_are_bad_requests(reviewer, add_group):
    group = add_group()
    key = keys_of(group)[1]
    assert ask(reviewer, wish(group, "same", key, different=key)).status_code == 400
    assert ask(reviewer, {"keeper": group.keeper_id, "seen": 3}).status_code == 400


def test_without_a_script_the_page_comes_again(reviewer, add_group):
    group = add_group(size=2)
    back = f"{review_address('changelist')}?pictures=2"
    response = reviewer.post(review_address("decide"), wish(group, "keep", group.keeper_id, back=back), follow=True)
    assert response.redirect_chain == [(back, 302)]
    assert messages_of(response) == ["0/0.jpg is kept, and 1 picture is marked as its duplicate."]
    response = reviewer.post(review_address("undo"), {"back": back}, follow=True)
    assert response.redirect_chain == [(f"{back}#group-{group.keeper_id}", 302)]


def test_forms_of_the_page_work_as_they_are(reviewer, add_group):
    """What a browser without scripts would send."""
    group = add_group()
    text = reviewer.get(review_address("changelist")).text
    hidden = dict(part.partition('" value="')[::2] for part in text.split('<input type="hidden" name="')[1:])
    data = {name: hidden[name].partition('"')[0] for name in ("keeper", "seen", "back")}
    assert f'<button name="keep" value="{group.keeper_id}"' in text
    reviewer.post(review_address("decide"), data | {"keep": group.keeper_id})
    assert len(marked()) == 2


def test_without_a_script_a_refusal_is_a_message(reviewer, add_group):
    group = add_group()
    response = reviewer.post(review_address("decide"), wish(group, "same", 99), follow=True)
    assert messages_of(response) == ["This picture is not in this group any more. Nothing was changed."]


def test_hostile_file_names_are_escaped_in_an_answer(reviewer, add_group):
    group = add_group(names=HOSTILE)
    answer = ask(reviewer, wish(group, "same", keys_of(group)[1])).json()
    assert "<img src=x" not in answer["html"] + answer["undo"]
    assert "&lt;img src=x" in answer["undo"]
    page = reviewer.post(review_address("decide"), wish(group, "same", keys_of(group)[2]), follow=True)
    assert "<img src=x" not in page.text


def test_history_of_a_picture_tells_the_decision(reviewer, add_group, client_of):
    group = add_group()
    keeper, one, other = keys_of(group)
    ask(reviewer, wish(group, "different", one))
    somebody = client_of("superuser")
    for key in (keeper, one):
        text = somebody.get(reverse("admin:hashing_imageasset_history", args=(key,))).text
        assert "0/1.jpg and 0/0.jpg are not the same" in text
    assert "not the same" not in somebody.get(reverse("admin:hashing_imageasset_history", args=(other,))).text
