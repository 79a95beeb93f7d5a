from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hashing.models import GroupMember, ImageAsset
from tests.admin.conftest import messages_of
from tests.admin.review.conftest import form_of, keys_of, review_address

pytestmark = pytest.mark.any_database

HOSTILE = '{number}/"><script>alert({place})</script>.jpg'


def shown_keepers(response) -> list[int]:
    return [shown.keeper.pk for shown in response.context["groups"]]


def count_queries(client, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def test_list_shows_the_cards_of_its_groups(reviewer, add_group):
    group = add_group(names="folder {number}/photo {place}.jpg", created_at="2026-01-02T00:00Z")
    text = reviewer.get(review_address("changelist")).text
    for key in keys_of(group):
        assert f'data-image="{key}"' in text
    for fact in ("folder 0/", "photo 2.jpg", "2000\xa0", "1000\xa0bytes", "very similar", "most pixels"):
        assert fact in text


def test_equal_files_are_marked(reviewer, add_group):
    group = add_group(size=3, file_digest="a" * 64)
    assert reviewer.get(review_address("changelist")).text.count("same bytes") == 2
    ImageAsset.objects.filter(pk=keys_of(group)[2]).update(file_digest="b" * 64)
    assert reviewer.get(review_address("changelist")).text.count("same bytes") == 1


def test_queries_do_not_grow_with_groups_or_images(reviewer, add_group):
    add_group(size=2)
    reviewer.post(review_address("decide"), {"same": 2, "keeper": 1, "size": 2})
    add_group(size=2)
    count_queries(reviewer, review_address("changelist"))
    few = count_queries(reviewer, review_address("changelist"))
    for _number in range(19):
        add_group(size=5)
    assert count_queries(reviewer, review_address("changelist")) == few < 14
    large = add_group(size=200)
    assert count_queries(reviewer, review_address("change", large.pk)) <= few + 3


def test_list_has_pages_of_twenty(reviewer, add_group):
    for _number in range(22):
        add_group(size=2)
    first, second = (reviewer.get(review_address("changelist"), {"p": page}) for page in (1, 2))
    assert (len(shown_keepers(first)), len(shown_keepers(second))) == (20, 2)
    assert (first.context["cl"].previous_query, first.context["cl"].next_query) == ("", "?p=2")
    assert (second.context["cl"].previous_query, second.context["cl"].next_query) == ("?p=1", "")


def test_page_that_no_longer_exists_is_the_first(reviewer, add_group):
    for _number in range(22):
        add_group(size=2)
    assert len(shown_keepers(reviewer.get(review_address("changelist"), {"p": 9}))) == 20


def test_surest_groups_come_first(reviewer, add_group):
    far, near = add_group(apart=0b111), add_group(apart=0)
    assert shown_keepers(reviewer.get(review_address("changelist"))) == [near.keeper_id, far.keeper_id]


def test_empty_list_has_a_message(reviewer):
    assert "There are no such groups." in reviewer.get(review_address("changelist")).text


def test_large_group_is_cut_on_the_list(reviewer, add_group):
    add_group(size=500)
    response = reviewer.get(review_address("changelist"))
    assert response.text.count('data-image="') == 12
    assert "and 488 more" in response.text


def test_page_of_a_large_group_shows_the_keeper_and_sixty_others(reviewer, add_group):
    group = add_group(size=500)
    keys = keys_of(group)
    for page, others in ((1, keys[1:61]), (2, keys[61:121]), (9, keys[481:500]), (99, keys[481:500])):
        (shown,) = reviewer.get(review_address("change", group.pk), {"p": page}).context["groups"]
        assert [card.asset.pk for card in shown.cards] == [keys[0], *others]
        assert shown.pages == 9


@pytest.mark.parametrize("page", ["0", "-1", "x", "²", "9" * 30])
def test_page_that_is_no_number_is_the_first(reviewer, add_group, page):
    (shown,) = reviewer.get(review_address("change", add_group().pk), {"p": page}).context["groups"]
    assert shown.page == 1


def test_group_with_a_new_key_is_found_by_its_image(reviewer, add_group):
    group = add_group()
    response = reviewer.get(review_address("change", group.pk + 99), {"image": group.keeper_id})
    assert response["Location"].startswith(review_address("change", group.pk))


@pytest.mark.parametrize("key", ["99", "x", "9" * 18, "9" * 30])
def test_page_of_a_group_that_is_gone_leads_to_the_list(reviewer, key):
    response = reviewer.get(review_address("change", key), {"image": key}, follow=True)
    assert response.redirect_chain == [(review_address("changelist"), 302)]
    assert messages_of(response) == ["This group no longer exists, or was found again with other images."]


def test_address_of_an_image_redirects_to_its_group(reviewer, add_group):
    group = add_group()
    response = reviewer.get(review_address("of", keys_of(group)[2]))
    assert response["Location"].startswith(review_address("change", group.pk))


@pytest.mark.parametrize("page", ["changelist", "change"])
def test_hostile_file_names_are_escaped(reviewer, add_group, page):
    group = add_group(names=HOSTILE)
    reviewer.post(review_address("decide"), form_of(group, "same", keys_of(group)[1]))
    text = reviewer.get(review_address(page, *([group.pk] if page == "change" else []))).text
    assert "<script>alert" not in text
    assert "&quot;&gt;&lt;script&gt;alert(0)" in text


def test_page_has_no_inline_script_and_no_inline_style(reviewer, add_group):
    add_group()
    main = reviewer.get(review_address("changelist")).text.partition('id="content-main"')[2].partition("</main>")[0]
    for inline in ("<script", "<style", "style=", "onclick", "javascript:"):
        assert inline not in main


def test_group_without_its_keeper_is_left_out(reviewer, add_group):
    group = add_group()
    GroupMember.objects.filter(group=group, position=0).delete()
    assert shown_keepers(reviewer.get(review_address("changelist"))) == []
    assert reviewer.get(review_address("change", group.pk)).status_code == 302
