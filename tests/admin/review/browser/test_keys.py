from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from hashing.admin.review import presentation
from hashing.models import DuplicateGroup, PairDecision
from servers.browser import BROWSER_MARKS, DESKTOP
from tests.admin.review.conftest import keys_of, review_address

pytestmark = BROWSER_MARKS

TAB_STOPS = """return [...document.querySelectorAll(".hashing-group")].map(
    (group) => [...group.querySelectorAll(".hashing-group__members [tabindex='0']")].map((stop) => stop.className))"""
COLUMNS = """const style = getComputedStyle(document.querySelector(".hashing-group__members"))
    return style.gridTemplateColumns.split(" ").length"""


@DESKTOP
def test_letters_move_between_images_and_groups(reviewer, add_copies):
    add_copies(1, copies=2)
    add_copies(2, copies=2)
    reviewer.open(review_address("changelist"))
    shown = reviewer.shown()
    reviewer.wait_for_focus(shown[0])
    keys = [Keys.ARROW_RIGHT, Keys.ARROW_LEFT, "j", "k", "g", "k", "j", "G", Keys.ARROW_DOWN, Keys.ARROW_UP]
    for key, place in zip(keys, [1, 0, 1, 0, 3, 2, 3, 0, 3, 0], strict=True):
        reviewer.press(key)
        reviewer.wait_for_focus(shown[place])
    reviewer.click(".hashing-next-group")
    reviewer.wait_for_focus(shown[3])


def test_arrows_move_by_row_and_column(reviewer, add_group):
    add_group(size=9)
    add_group(size=2)
    reviewer.open(review_address("changelist") + "?images=")
    shown, columns = reviewer.shown(), reviewer.browser.execute_script(COLUMNS)
    large = shown.index(DuplicateGroup.objects.get(size=9).keeper_id)
    reviewer.browser.execute_script(f"document.querySelectorAll('.hashing-member')[{large + 1}].focus()")
    place = 1
    while place + columns < 9:
        place += columns
        reviewer.press(Keys.ARROW_DOWN)
        reviewer.wait_for_focus(shown[large + place])
    reviewer.press(Keys.ARROW_UP)
    reviewer.wait_for_focus(shown[large + place - columns])


@DESKTOP
def test_group_has_one_tab_stop_for_its_cards_and_one_for_the_controls_of_a_card(reviewer, add_copies):
    add_copies(copies=2)
    reviewer.open(review_address("changelist"))
    _keeper, one, two = reviewer.shown()
    reviewer.press("j")
    assert [len(stops) for stops in reviewer.browser.execute_script(TAB_STOPS)] == [2]
    reviewer.press(Keys.TAB, Keys.ARROW_RIGHT)
    assert reviewer.browser.switch_to.active_element.get_attribute("name") == "image"
    reviewer.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert reviewer.browser.switch_to.active_element.get_attribute("name") == "keep"
    reviewer.wait_for_focus(one)
    reviewer.press(Keys.ESCAPE, Keys.ARROW_RIGHT)
    reviewer.wait_for_focus(two)


@DESKTOP
def test_next_image_goes_on_to_the_next_page_of_a_large_group(reviewer, add_group, monkeypatch):
    monkeypatch.setattr(presentation, "CARDS_PER_PAGE", 2)
    group = add_group(size=5)
    keys = keys_of(group)
    reviewer.open(review_address("of", keys[0]))
    for key, place in (("j", 1), ("j", 2), ("j", 3), ("k", 0), ("k", 2)):
        reviewer.press(key)
        reviewer.wait_for_focus(keys[place])


@DESKTOP
@pytest.mark.parametrize("is_confirmed", [True, False])
def test_enter_asks_where_there_is_no_clear_favourite(reviewer, add_group, monkeypatch, is_confirmed):
    monkeypatch.setattr(presentation.GroupPresentation, "has_clear_keeper", False)
    add_group(size=2)
    reviewer.open(review_address("changelist"))
    reviewer.press(Keys.ENTER)
    alert = reviewer.wait(lambda: reviewer.browser.switch_to.alert)
    assert "no clear favourite" in alert.text
    alert.accept() if is_confirmed else alert.dismiss()
    if is_confirmed:
        reviewer.wait_for_message("is marked as its duplicate")
    assert PairDecision.objects.count() == is_confirmed


@DESKTOP
def test_keys_of_the_dialogs_tell_which_card_they_are_about(reviewer, add_copies):
    add_copies()
    reviewer.open(review_address("changelist"))
    listen = """window.asked = []
        for (const name of ["open-loupe", "open-compare"]) document.addEventListener(`hashing:${name}`, (event) => {
            event.stopImmediatePropagation()
            asked.push([name, Number(event.target.dataset.image)])
        }, true)"""
    reviewer.browser.execute_script(listen)
    keeper, one = reviewer.shown()
    reviewer.press("z", "j", "c")
    reviewer.click(".hashing-member__picture")
    reviewer.click(".hashing-member__compare")
    expected = [["open-loupe", keeper], ["open-compare", one], ["open-loupe", keeper], ["open-compare", one]]
    assert reviewer.browser.execute_script("return asked") == expected


@DESKTOP
def test_help_shows_the_keys(reviewer, add_copies):
    add_copies()
    reviewer.open(review_address("changelist"))
    for shown in (True, False):
        reviewer.press("?")
        assert reviewer.find(".hashing-keys").is_displayed() is shown
