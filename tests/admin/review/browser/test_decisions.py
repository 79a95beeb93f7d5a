from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from hashing.admin import DuplicateGroupAdmin
from hashing.models import DuplicateGroup, MarkedDuplicate, PairDecision
from servers.browser import BROWSER_MARKS, DESKTOP
from tests.admin.review.conftest import form_of, keys_of, review_address

pytestmark = BROWSER_MARKS


def test_enter_on_suggested_keepers_decides_one_group_after_another(reviewer, add_copies):
    groups = [add_copies(number, copies=2) for number in range(1, 4)]
    reviewer.open(review_address("changelist"))
    for left in (2, 1, 0):
        reviewer.press(Keys.ENTER)
        reviewer.wait(lambda left=left: len(reviewer.browser.find_elements(By.CSS_SELECTOR, ".hashing-group")) == left)
    assert MarkedDuplicate.objects.count() == 6
    assert not MarkedDuplicate.objects.filter(pk__in=[keys[0] for keys in groups]).exists()
    reviewer.wait(lambda: "There are no such groups." in reviewer.find(".hashing-review").text)


@DESKTOP
def test_newer_decision_of_another_user_is_kept_and_shown(reviewer, add_copies, client_of):
    add_copies(copies=2)
    group = DuplicateGroup.objects.get()
    keeper, one, two = keys_of(group)
    reviewer.open(review_address("changelist"))
    reviewer.stop_polling()
    client_of("reviewer").post(review_address("decide"), form_of(group, "keep", keeper))
    reviewer.press("j", "n")
    reviewer.wait_for_message("reviewer decided about this on")
    assert reviewer.shown() == [keeper, one, two]
    assert "all decided" in reviewer.find(".hashing-group__header").text
    assert set(MarkedDuplicate.objects.values_list("pk", flat=True)) == {one, two}


@DESKTOP
def test_keeper_without_a_file_is_refused_on_its_card(reviewer, add_copies, media):
    add_copies(copies=2)
    keeper = DuplicateGroup.objects.get().keeper
    reviewer.open(review_address("changelist"))
    media.joinpath(keeper.image.name).unlink()
    reviewer.press(Keys.ENTER)
    reviewer.wait_for_message("cannot be kept: File not found")
    card = reviewer.find(f"[data-image='{keeper.pk}']")
    assert f"Cannot be kept: File not found at {keeper.image.name}" in card.text
    assert not card.find_elements(By.CSS_SELECTOR, "[name=keep]")
    assert reviewer.shown()[0] != keeper.pk


@DESKTOP
def test_next_groups_are_loaded_when_a_page_is_done(reviewer, add_group, monkeypatch):
    monkeypatch.setattr(DuplicateGroupAdmin, "list_per_page", 4)
    for _number in range(6):
        add_group(size=2)
    reviewer.open(f"{review_address('changelist')}?images=2")
    for done in range(4):
        reviewer.wait(lambda done=done: len(reviewer.shown()) == 2 * (4 - done))
        reviewer.press(Keys.ENTER)
    reviewer.wait(lambda: len(reviewer.shown()) == 4)
    assert "images=2" in reviewer.browser.current_url
    reviewer.wait_for_focus(reviewer.shown()[0])


@DESKTOP
def test_same_not_the_same_and_undo(reviewer, add_copies):
    add_copies(copies=3)
    keeper, one, two, three = keys_of(DuplicateGroup.objects.get())
    reviewer.open(review_address("changelist"))
    reviewer.press("j", "s")
    reviewer.wait_for_focus(two)
    reviewer.press("n")
    reviewer.wait_for_focus(three)
    assert reviewer.shown() == [keeper, one, three]
    assert set(MarkedDuplicate.objects.values_list("pk", flat=True)) == {one}
    assert PairDecision.objects.count() == 2
    reviewer.press("u")
    reviewer.wait_for_focus(two)
    reviewer.press("u")
    reviewer.wait_for_focus(one)
    assert PairDecision.objects.count() == 0
    assert reviewer.shown().count(two) == 1


@DESKTOP
def test_undo_of_keep_returns_to_the_suggested_keeper(reviewer, add_copies):
    add_copies(copies=3)
    keeper, *_others = keys_of(DuplicateGroup.objects.get())
    reviewer.open(review_address("changelist") + "?state=all")
    reviewer.press(Keys.ENTER)
    reviewer.wait_for_message("3 images are marked")
    reviewer.press("u")
    reviewer.wait_for_message("no longer marked as duplicates")
    reviewer.wait_for_focus(keeper)


def test_click_on_a_button_decides(reviewer, add_copies):
    add_copies(copies=2)
    _keeper, one, two = keys_of(DuplicateGroup.objects.get())
    reviewer.open(review_address("changelist"))
    reviewer.click(f"[name=same][value='{one}']")
    reviewer.wait_for_message("is marked as a duplicate of")
    reviewer.click(f"[name=keep][value='{two}']")
    reviewer.wait_for_message("2 images are marked as its duplicates")
    assert MarkedDuplicate.objects.count() == 2


@pytest.fixture
def set_offline(browser):
    def set_to(value: bool) -> None:
        browser.execute_cdp_cmd("Network.enable", {})
        conditions = {"offline": value, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        browser.execute_cdp_cmd("Network.emulateNetworkConditions", conditions)

    yield set_to
    set_to(False)


@DESKTOP
def test_lost_connection_is_shown_and_the_decision_can_be_repeated(reviewer, add_copies, set_offline):
    keys = add_copies(copies=2)
    reviewer.open(review_address("changelist"))
    set_offline(True)
    reviewer.press(Keys.ENTER)
    reviewer.wait_for_message("did not answer")
    assert sorted(reviewer.shown()) == keys
    set_offline(False)
    reviewer.press(Keys.ENTER)
    reviewer.wait_for_message("2 images are marked as its duplicates")
    assert MarkedDuplicate.objects.count() == 2


@DESKTOP
def test_refusal_shows_the_group_as_it_is_now(reviewer, add_copies, client_of):
    add_copies(copies=2)
    keeper, one, two = keys_of(DuplicateGroup.objects.get())
    reviewer.open(review_address("changelist"))
    reviewer.stop_polling()
    client_of("reviewer").post(review_address("decide"), form_of(DuplicateGroup.objects.get(), "different", one))
    reviewer.press("j", "s")
    reviewer.wait_for_message("reviewer decided about this on")
    assert reviewer.shown() == [keeper, two]


@DESKTOP
def test_end_of_the_session_is_shown(reviewer, add_copies):
    add_copies()
    reviewer.open(review_address("changelist"))
    reviewer.browser.delete_cookie("sessionid")
    reviewer.press(Keys.ENTER)
    reviewer.wait_for_message("logged out")
    assert PairDecision.objects.count() == 0


@DESKTOP
def test_page_of_a_group_follows_its_new_key(reviewer, add_copies):
    add_copies(copies=3)
    keys = keys_of(DuplicateGroup.objects.get())
    reviewer.open(review_address("of", keys[0]))
    reviewer.press("j", Keys.ENTER)
    reviewer.wait_for_message("3 images are marked as its duplicates")
    assert reviewer.browser.current_url.endswith(f"?image={keys[1]}&p=1")
    reviewer.browser.refresh()
    assert "all decided" in reviewer.find(".hashing-group__header").text
