from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from hashing.admin.decision_filters import start_of_today
from hashing.admin.review import session
from hashing.admin.review.session import total_groups
from hashing.models import DuplicateGroup, ImageAsset, MarkedDuplicate, PairDecision
from tests.admin.review.conftest import ask, form_of, keys_of, review_address


def header(text: str) -> str:
    """Return the words of the header."""
    html = text.partition('<ul class="hashing-session"')[2].partition("</ul>")[0].partition(">")[2]
    return " ".join(re.sub(r"<[^>]*>", " ", html).split()).replace("\xa0", " ")


def page_of(client, group, **query):
    return client.get(review_address("change", group.pk), {"image": group.keeper_id, **query})


def neighbours(client, group, **query) -> list[int | None]:
    """Return the keepers of the groups before and behind."""
    found = page_of(client, group, **query).context["neighbours"]
    keys = [re.search(r"image=(\d+)", url) for url in found]
    return [int(key[1]) if key else None for key in keys]


@pytest.fixture
def groups(add_group):
    """Three groups, each with fewer bytes to free than the one before."""
    made = [add_group(size=3) for _ in range(3)]
    for number, group in enumerate(made):
        DuplicateGroup.objects.filter(pk=group.pk).update(open_bytes=(3 - number) * 2**20)
    return made


def test_list_counts_groups_and_their_bytes(reviewer, groups):
    assert header(reviewer.get(review_address("changelist")).text) == "3 groups 0 decided today 6.0 MB can be freed"


def test_group_has_a_place_in_the_order_of_its_list(reviewer, groups):
    assert header(page_of(reviewer, groups[1]).text).startswith("Group 2 of 3 ")
    assert header(page_of(reviewer, groups[0], order="bytes").text).startswith("Group 1 of 3 ")
    DuplicateGroup.objects.filter(pk=groups[0].pk).update(max_distance=9)
    assert header(page_of(reviewer, groups[0]).text).startswith("Group 3 of 3 ")
    assert header(page_of(reviewer, groups[0], q="0/1.jpg").text).startswith("Group 1 of 1 ")


def test_neighbours_follow_the_order_of_the_list(reviewer, groups):
    first, second, third = (group.keeper_id for group in groups)
    assert neighbours(reviewer, groups[1]) == [first, third]
    assert neighbours(reviewer, groups[0]) == [None, second]
    assert neighbours(reviewer, groups[2]) == [second, None]
    DuplicateGroup.objects.filter(pk=groups[2].pk).update(open_bytes=2**30)
    assert neighbours(reviewer, groups[0], order="bytes") == [third, second]


def test_neighbours_are_those_of_the_filtered_list(reviewer, groups):
    DuplicateGroup.objects.filter(pk=groups[1].pk).update(open_count=0)
    assert neighbours(reviewer, groups[0]) == [None, groups[2].keeper_id]
    assert neighbours(reviewer, groups[0], state="all") == [None, groups[1].keeper_id]


def test_links_carry_the_list(reviewer, groups):
    query = {"state": "all", "order": "bytes", "q": "jpg", "p": "1"}
    text = reviewer.get(review_address("changelist"), query).text
    assert f"/{groups[0].pk}/change/?image={groups[0].keeper_id}&amp;state=all&amp;order=bytes&amp;q=jpg" in text
    page = page_of(reviewer, groups[0], **query, likeness="nonsense", other="1")
    assert page.context["neighbours"].next.endswith(f"?image={groups[1].keeper_id}&state=all&order=bytes&q=jpg")
    assert page.context["list_url"].endswith("/?state=all&order=bytes&q=jpg")


def test_decided_group_leads_to_the_first_of_the_list(reviewer, groups):
    DuplicateGroup.objects.filter(pk=groups[0].pk).update(open_count=0, open_bytes=0)
    assert neighbours(reviewer, groups[0], order="bytes") == [groups[2].keeper_id, groups[1].keeper_id]
    assert header(page_of(reviewer, groups[0], order="bytes").text).startswith("2 groups ")


def test_decision_refreshes_the_header(reviewer, groups):
    response = ask(reviewer, form_of(groups[0], "keep", groups[0].keeper_id))
    assert header(response.json()["header"]) == "2 groups 1 decided today 3.0 MB can be freed"
    form = form_of(groups[1], "same", keys_of(groups[1])[1])
    form["return_to"] = f"{review_address('change', groups[1].pk)}?order=bytes"
    assert header(ask(reviewer, form).json()["header"]).startswith("Group 2 of 2 2 decided today")


def test_only_own_decisions_of_today_count(reviewer, superuser_client, groups):
    ask(superuser_client, form_of(groups[0], "keep", groups[0].keeper_id))
    ask(reviewer, form_of(groups[1], "keep", groups[1].keeper_id))
    ask(reviewer, form_of(groups[2], "different", keys_of(groups[2])[1]))
    assert "2 decided today" in header(reviewer.get(review_address("changelist")).text)
    PairDecision.objects.update(decided_at=timezone.now() - timedelta(days=1))
    assert "0 decided today" in header(reviewer.get(review_address("changelist")).text)


def test_what_was_decided_counts_after_its_images_are_deleted(reviewer, groups):
    for group in groups[:2]:
        ask(reviewer, form_of(group, "keep", group.keeper_id))
    MarkedDuplicate.objects.all().delete()
    text = reviewer.get(review_address("changelist")).text
    assert "2 decided today" in header(text)
    # What cannot be taken back any more is not offered either.
    assert "last-decision" not in text


@pytest.mark.parametrize(
    ("zone", "start"), [("Pacific/Auckland", "2026-11-26T11:00"), ("America/Lima", "2026-11-26T05:00")]
)
def test_today_begins_at_midnight_of_the_user(monkeypatch, zone, start):
    now = timezone.datetime.fromisoformat("2026-11-26T12:30+00:00")
    monkeypatch.setattr(timezone, "now", lambda: now)
    with timezone.override(zone):
        assert start_of_today() == timezone.datetime.fromisoformat(f"{start}+00:00")


def test_history_of_a_group_has_pages(superuser_client, groups):
    assert superuser_client.get(review_address("history", groups[0].pk)).status_code == 200


def test_large_lists_are_counted_up_to_a_limit(reviewer, groups, monkeypatch):
    monkeypatch.setattr(session, "MAX_GROUPS", 2)
    totals = total_groups(DuplicateGroup.objects.all())
    assert (totals.count, totals.is_capped, totals.place) == (2, True, None)
    assert header(page_of(reviewer, groups[0]).text).startswith("over 2 groups ")


def test_unknown_sizes_count_as_nothing(reviewer, add_group):
    add_group(size=2, file_size=None)
    assert ImageAsset.objects.filter(file_size=None).count() == 2
    assert header(reviewer.get(review_address("changelist")).text) == "1 group 0 decided today"
