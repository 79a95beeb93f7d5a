from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.storage import FileSystemStorage
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime

from hashing.models import DuplicateGroup, GroupMember, ImageAsset, MarkedDuplicate, PairDecision
from tests.admin.conftest import messages_of
from tests.admin.review.conftest import JSON, form_of, keys_of, review_address

HOSTILE = '"><img src=x onerror=alert({place})>.jpg'


def ask(client, data, name="decide"):
    return client.post(review_address(name), data, headers=JSON)


def undo_form(client) -> str:
    return client.get(review_address("changelist") + "?state=all").text.partition('class="review-undo"')[2]


def batch_in(html: str) -> str:
    return html.partition('name="batch" value="')[2].partition('"')[0]


def take_back(client):
    """What the button "Undo" of a page does that is loaded now."""
    return ask(client, {"back": review_address("changelist"), "batch": batch_in(undo_form(client))}, "undo")


class _Forms(HTMLParser):
    """The hidden fields of the forms of a page, by the address that they are sent to; the first of each."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, dict[str, str]] = {}
        self._current: dict[str, str] | None = None

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "form":
            self._current = {}
            self.fields.setdefault(values.get("action", ""), self._current)
        elif tag == "input" and values.get("type") == "hidden" and self._current is not None:
            self._current[values["name"]] = values["value"]


def hidden_fields(text: str, action: str) -> dict[str, str]:
    parser = _Forms()
    parser.feed(text)
    return parser.fields[action]


def marked() -> set[int]:
    return set(MarkedDuplicate.objects.values_list("pk", flat=True))


def pictures(answer) -> list[int]:
    parts = answer.json()["html"].split('data-picture="')[1:]
    return [int(part.partition('"')[0]) for part in parts]


def test_same_marks_the_picture_and_answers_with_its_group(reviewer, add_group):
    group = add_group()
    keeper, one, other = keys_of(group)
    answer = ask(reviewer, form_of(group, "same", one))
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
    answer = ask(reviewer, form_of(group, "different", one))
    assert pictures(answer) == [keeper, other]
    assert marked() == set()
    assert PairDecision.objects.get().verdict == PairDecision.Verdict.DIFFERENT


def test_pictures_that_are_set_free_come_back_as_a_group_of_their_own(reviewer, add_group):
    group = add_group(size=3, apart=0b11111)
    keeper, one, other = keys_of(group)
    ask(reviewer, form_of(group, "different", one))
    answer = ask(reviewer, form_of(DuplicateGroup.objects.get(keeper=keeper), "different", other))
    assert pictures(answer) == [one, other]
    assert answer.json()["keys"] == [keeper, other]


@pytest.mark.parametrize("place", [0, 2])
def test_keep_marks_all_others_and_leaves_nothing_open(reviewer, add_group, place):
    group = add_group()
    keys = keys_of(group)
    answer = ask(reviewer, form_of(group, "keep", keys[place]))
    assert answer.json()["html"] == ""
    assert marked() == {*keys} - {keys[place]}
    assert answer.json()["message"] == f"0/{place}.jpg is kept, and 2 pictures are marked as its duplicates."
    assert "2 duplicates of" in answer.json()["undo"]


def test_decided_group_stays_where_decided_ones_are_shown(reviewer, add_group):
    group = add_group()
    back = f"{review_address('changelist')}?state=all"
    answer = ask(reviewer, form_of(group, "keep", group.keeper_id) | {"back": back})
    assert pictures(answer) == keys_of(group)
    assert "all decided" in answer.json()["html"]


def test_undo_brings_the_group_back(reviewer, add_group):
    group = add_group()
    keys = keys_of(group)
    ask(reviewer, form_of(group, "keep", keys[0]))
    answer = take_back(reviewer)
    assert pictures(answer) == keys
    assert marked() == set()
    assert "<form" not in answer.json()["undo"]


def test_everybody_undoes_his_own(reviewer, superuser_client, add_group):
    group = add_group()
    decided = form_of(group, "keep", group.keeper_id)
    ask(superuser_client, decided)
    assert 'name="batch"' not in undo_form(reviewer)
    answer = ask(reviewer, {"batch": decided["batch"]}, "undo")
    assert answer.status_code == 409
    assert len(marked()) == 2


def test_undo_takes_back_what_its_button_has_shown(reviewer, add_group):
    one, other = add_group(), add_group()
    first, second = form_of(one, "keep", one.keeper_id), form_of(other, "keep", other.keeper_id)
    ask(reviewer, first)
    ask(reviewer, second)
    # In a second tab, which was loaded before the second decision.
    assert ask(reviewer, {"batch": first["batch"]}, "undo").status_code == 200
    assert marked() == {*keys_of(other)} - {other.keeper_id}


def test_undo_of_what_was_taken_back_already_takes_nothing_else_back(reviewer, add_group):
    one, other = add_group(), add_group()
    for group in (one, other):
        ask(reviewer, form_of(group, "keep", group.keeper_id))
    shown = batch_in(undo_form(reviewer))
    for status in (200, 409):
        answer = ask(reviewer, {"batch": shown}, "undo")
        assert answer.status_code == status
    assert answer.json()["message"] == "This was taken back already. Nothing was changed."
    assert marked() == {*keys_of(one)} - {one.keeper_id}


@pytest.mark.parametrize("batch", ["", "x", "1", "0" * 31])
def test_undo_of_nothing_in_particular_is_a_bad_request(reviewer, add_group, batch):
    add_group()
    assert ask(reviewer, {"batch": batch}, "undo").status_code == 400


@pytest.fixture
def superuser_client(client_of):
    return client_of("superuser")


def test_undo_of_what_somebody_has_decided_anew_is_refused(reviewer, superuser_client, add_group):
    group = add_group()
    keys = keys_of(group)
    ask(reviewer, form_of(group, "same", keys[1]))
    ask(superuser_client, form_of(group, "different", keys[1]))
    answer = take_back(reviewer)
    assert answer.status_code == 409
    message = answer.json()["message"]
    assert message.startswith("superuser decided about these images again on ")
    assert date_format(localtime(PairDecision.objects.latest("pk").decided_at), "SHORT_DATETIME_FORMAT") in message
    assert PairDecision.objects.in_force().get().verdict == PairDecision.Verdict.DIFFERENT


def test_picture_that_has_left_the_group_is_refused_with_the_group_as_it_is(reviewer, add_group):
    group = add_group()
    keeper, one, other = keys_of(group)
    seen = form_of(group, "same", one)
    ask(reviewer, form_of(group, "different", one))
    seen["newest"] = PairDecision.objects.latest("pk").pk
    answer = ask(reviewer, seen)
    assert answer.status_code == 409
    assert "not in this group any more" in answer.json()["message"]
    assert pictures(answer) == [keeper, other]
    assert PairDecision.objects.count() == 1


def test_keep_of_a_group_that_has_grown_is_refused(reviewer, add_group):
    group = add_group()
    answer = ask(reviewer, form_of(group, "keep", group.keeper_id) | {"seen": 2})
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
    answer = ask(reviewer, form_of(group, "keep", group.keeper_id) | {"last": last})
    assert answer.status_code == 409
    assert marked() == set()


def test_page_of_a_group_shows_it_decided(reviewer, add_group):
    group = add_group()
    back = f"{review_address('change', group.pk)}?picture={group.keeper_id}"
    answer = ask(reviewer, form_of(group, "keep", keys_of(group)[1]) | {"back": back})
    assert "all decided" in answer.json()["html"]


@pytest.mark.parametrize(
    "change",
    [{"same": "x"}, {"same": ""}, {"same": "1" * 30}, {"same": -1}, {"keeper": ""}, {"seen": "two"}, {"batch": "x"}],
)
def test_what_no_button_sends_is_a_bad_request(reviewer, add_group, change):
    group = add_group()
    assert ask(reviewer, form_of(group, "same", keys_of(group)[1]) | change).status_code == 400
    assert PairDecision.objects.count() == 0


def test_two_verdicts_at_once_and_none_are_bad_requests(reviewer, add_group):
    group = add_group()
    key = keys_of(group)[1]
    assert ask(reviewer, form_of(group, "same", key) | {"different": key}).status_code == 400
    data = form_of(group, "same", key)
    del data["same"]
    assert ask(reviewer, data).status_code == 400


def test_without_a_script_the_page_comes_again(reviewer, add_group):
    group = add_group(size=2)
    back = f"{review_address('changelist')}?pictures=2"
    response = reviewer.post(
        review_address("decide"), form_of(group, "keep", group.keeper_id) | {"back": back}, follow=True
    )
    assert response.redirect_chain == [(back, 302)]
    assert messages_of(response) == ["0/0.jpg is kept, and 1 picture is marked as its duplicate."]
    batch = batch_in(undo_form(reviewer))
    response = reviewer.post(review_address("undo"), {"back": back, "batch": batch}, follow=True)
    assert response.redirect_chain == [(f"{back}#group-{group.keeper_id}", 302)]


@pytest.mark.parametrize("page", ["list", "group"])
@pytest.mark.parametrize("button", ["same", "different", "keep"])
def test_forms_of_the_page_work_as_they_are(reviewer, add_group, page, button):
    """What a browser without scripts would send, and nothing else."""
    group = add_group()
    key = keys_of(group)[1]
    address = review_address("changelist") if page == "list" else review_address("change", group.pk)
    text = reviewer.get(address).text
    data = hidden_fields(text, review_address("decide"))
    assert data.keys() == {"csrfmiddlewaretoken", "keeper", "seen", "undecided", "newest", "batch", "last", "back"}
    assert f'<button name="{button}" value="{key}"' in text
    response = reviewer.post(review_address("decide"), data | {button: key}, follow=True)
    assert "messagelist" in response.text
    assert PairDecision.objects.in_force().filter(batch=data["batch"]).exists()
    assert response.redirect_chain[0][0].startswith(review_address("changelist"))
    undo = hidden_fields(response.text, review_address("undo"))
    assert undo["batch"] == data["batch"]
    reviewer.post(review_address("undo"), undo)
    assert not PairDecision.objects.exists()


@pytest.mark.parametrize("name", ["keeper", "seen", "undecided", "newest", "batch"])
def test_form_without_a_hidden_field_is_a_bad_request(reviewer, add_group, name):
    group = add_group()
    data = form_of(group, "keep", group.keeper_id)
    del data[name]
    assert ask(reviewer, data).status_code == 400
    assert not PairDecision.objects.exists()


@pytest.mark.parametrize("name", ["keeper", "same", "seen", "undecided", "newest", "last"])
def test_number_that_no_database_takes_is_a_bad_request(reviewer, add_group, name):
    group = add_group()
    data = form_of(group, "same", keys_of(group)[1])
    assert ask(reviewer, data | {name: 2**63}).status_code == 400
    assert ask(reviewer, data | {name: 2**63 - 1}).status_code in {200, 409}


def test_without_a_script_a_refusal_is_a_message(reviewer, add_group):
    group = add_group()
    response = reviewer.post(review_address("decide"), form_of(group, "same", 99), follow=True)
    assert messages_of(response) == ["This picture is not in this group any more. Nothing was changed."]


@pytest.mark.parametrize("theirs", ["same", "different", "keep"])
@pytest.mark.parametrize("mine", ["same", "different", "keep"])
@pytest.mark.parametrize("headers", [JSON, {}], ids=["script", "no script"])
def test_stale_page_overturns_no_decision_of_somebody_else(
    reviewer, superuser_client, add_group, mine, theirs, headers
):
    group = add_group()
    _keeper, one, _other = keys_of(group)
    seen = form_of(group, mine, one)
    ask(superuser_client, form_of(group, theirs, one))
    said = list(PairDecision.objects.values())
    response = reviewer.post(review_address("decide"), seen, headers=headers, follow=True)
    assert list(PairDecision.objects.values()) == said
    when = date_format(localtime(PairDecision.objects.latest("pk").decided_at), "SHORT_DATETIME_FORMAT")
    message = f"superuser decided about this on {when}, after this page was loaded. Nothing was changed."
    if headers:
        assert (response.status_code, response.json()["message"]) == (409, message)
        # The group as it is now, although it may be decided and the list is of open ones.
        assert pictures(response) == keys_of(DuplicateGroup.objects.get())
    else:
        assert messages_of(response) == [message]


def test_keep_of_a_group_in_which_another_picture_was_decided_about_is_refused(reviewer, superuser_client, add_group):
    group = add_group()
    _keeper, one, other = keys_of(group)
    seen = form_of(group, "keep", one)
    ask(superuser_client, form_of(group, "same", other))
    answer = ask(reviewer, seen)
    assert answer.status_code == 409
    assert "superuser decided about this" in answer.json()["message"]
    assert marked() == {other}


def test_verdict_on_another_picture_of_the_group_is_no_conflict(reviewer, superuser_client, add_group):
    group = add_group()
    _keeper, one, other = keys_of(group)
    seen = form_of(group, "same", one)
    ask(superuser_client, form_of(group, "same", other))
    assert ask(reviewer, seen).status_code == 200
    assert marked() == {one, other}


def test_keep_of_a_group_in_which_a_decision_was_taken_back_is_refused(reviewer, superuser_client, add_group):
    group = add_group()
    _keeper, one, other = keys_of(group)
    ask(superuser_client, form_of(group, "same", other))
    seen = form_of(group, "keep", one)
    take_back(superuser_client)
    answer = ask(reviewer, seen)
    assert answer.status_code == 409
    assert "changed in the meantime" in answer.json()["message"]
    assert marked() == set()


def test_own_decision_in_another_tab_is_no_less_a_decision(reviewer, add_group):
    group = add_group()
    one = keys_of(group)[1]
    seen = form_of(group, "different", one)
    ask(reviewer, form_of(group, "same", one))
    answer = ask(reviewer, seen)
    assert answer.status_code == 409
    assert answer.json()["message"].startswith("You decided about this on ")
    assert marked() == {one}


@pytest.mark.parametrize("verdict", ["same", "different", "keep"])
@pytest.mark.parametrize("headers", [JSON, {}], ids=["script", "no script"])
def test_form_that_is_sent_twice_decides_once(reviewer, add_group, verdict, headers):
    group = add_group()
    data = form_of(group, verdict, keys_of(group)[1])
    answers = [reviewer.post(review_address("decide"), data, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == ([200, 200] if headers else [302, 302])
    assert set(PairDecision.objects.values_list("batch", flat=True)) == {data["batch"]}
    if headers:
        assert answers[0].json()["message"] == answers[1].json()["message"]
    assert LogEntry.objects.values("object_id").distinct().count() == LogEntry.objects.count()


def test_form_that_has_decided_something_else_is_refused(reviewer, superuser_client, add_group):
    group = add_group()
    _keeper, one, other = keys_of(group)
    data = form_of(group, "same", one)
    ask(reviewer, data)
    del data["same"]
    for client, wish in (
        (reviewer, {"same": other}),
        (reviewer, {"different": one}),
        (superuser_client, {"same": one}),
    ):
        assert ask(client, data | wish).status_code == 409
    assert PairDecision.objects.count() == 1


@pytest.mark.parametrize("place", [0, 1])
def test_picture_whose_file_is_missing_is_not_kept(reviewer, add_group, media, place):
    group = add_group()
    keys = keys_of(group)
    data = form_of(group, "keep", keys[place])
    media.joinpath(f"0/{place}.jpg").unlink()
    answer = ask(reviewer, data)
    assert answer.status_code == 409
    assert answer.json()["message"] == f"0/{place}.jpg cannot be kept: File not found at 0/{place}.jpg"
    assert PairDecision.objects.count() == 0
    # It is in the group still, its card says why, and another one is suggested.
    assert sorted(pictures(answer)) == sorted(keys)
    html = answer.json()["html"]
    assert html.count(f"Cannot be kept: <bdi>File not found at 0/{place}.jpg") == 1
    assert f'name="keep" value="{keys[place]}"' not in html
    assert DuplicateGroup.objects.get().keeper_id == keys[1 - place]


def test_nothing_is_the_same_as_a_keeper_without_a_file(reviewer, add_group, media):
    group = add_group()
    keeper, one, other = keys_of(group)
    data = form_of(group, "same", other)
    media.joinpath("0/0.jpg").unlink()
    assert ask(reviewer, data).status_code == 409
    assert marked() == set()
    assert DuplicateGroup.objects.get().keeper_id == one
    # Without it as the keeper, all is as usual.
    ask(reviewer, form_of(DuplicateGroup.objects.get(), "keep", one))
    assert marked() == {keeper, other}


def test_page_says_that_the_file_of_a_keeper_is_missing_and_changes_nothing(reviewer, add_group, media):
    group = add_group()
    media.joinpath("0/0.jpg").unlink()
    text = reviewer.get(review_address("changelist")).text
    assert "Cannot be kept: <bdi>File not found at 0/0.jpg" in text
    assert f'name="keep" value="{group.keeper_id}"' not in text
    assert 'name="same"' not in text
    assert "Suggested keeper" not in text
    assert not ImageAsset.objects.exclude(hash_error="").exists()


def test_file_of_another_size_is_not_kept(reviewer, add_group, media):
    group = add_group()
    data = form_of(group, "keep", group.keeper_id)
    media.joinpath("0/0.jpg").write_bytes(b"cut off")
    assert "is not the one that was hashed" in ask(reviewer, data).json()["message"]
    assert marked() == set()


def test_file_that_has_come_back_is_kept(reviewer, add_group, media):
    group = add_group()
    path = media / "0/0.jpg"
    content = path.read_bytes()
    path.unlink()
    data = form_of(group, "keep", group.keeper_id)
    ask(reviewer, data)
    path.write_bytes(content)
    assert ask(reviewer, form_of(DuplicateGroup.objects.get(), "keep", group.keeper_id)).status_code == 200
    assert not ImageAsset.objects.exclude(hash_error="").exists()
    assert len(marked()) == 2


def test_storage_that_cannot_be_reached_is_no_missing_file(reviewer, add_group, settings, media):
    group = add_group()
    data = form_of(group, "keep", group.keeper_id)
    settings.MEDIA_ROOT = str(media / "unmounted")
    answer = ask(reviewer, data)
    assert answer.status_code == 409
    assert "nobody knows whether its file is there" in answer.json()["message"]
    assert not ImageAsset.objects.exclude(hash_error="").exists()
    assert marked() == set()


@pytest.mark.parametrize("verdict", ["same", "keep"])
def test_storage_is_not_asked_while_the_groups_are_locked(reviewer, add_group, monkeypatch, verdict):
    def locked(using, work, *arguments):
        with monkeypatch.context() as patch:
            patch.setattr(FileSystemStorage, "exists", forbidden)
            return work(*arguments)

    def forbidden(*_arguments):
        raise AssertionError("the storage is asked")

    group = add_group()
    data = form_of(group, verdict, keys_of(group)[1])
    monkeypatch.setattr("hashing.admin.review.services.with_groups_locked", locked)
    assert ask(reviewer, data).status_code == 200


def test_hostile_file_names_are_escaped_in_an_answer(reviewer, add_group):
    group = add_group(names=HOSTILE)
    answer = ask(reviewer, form_of(group, "same", keys_of(group)[1])).json()
    assert "<img src=x" not in answer["html"] + answer["undo"]
    assert "&lt;img src=x" in answer["undo"]
    page = reviewer.post(review_address("decide"), form_of(group, "same", keys_of(group)[2]), follow=True)
    assert "<img src=x" not in page.text


def test_history_of_a_picture_tells_the_decision(reviewer, add_group, client_of):
    group = add_group()
    keeper, one, other = keys_of(group)
    ask(reviewer, form_of(group, "different", one))
    somebody = client_of("superuser")
    for key in (keeper, one):
        text = somebody.get(reverse("admin:hashing_imageasset_history", args=(key,))).text
        assert "0/1.jpg and 0/0.jpg are not the same" in text
    assert "not the same" not in somebody.get(reverse("admin:hashing_imageasset_history", args=(other,))).text
