from __future__ import annotations

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from hashing.models import DuplicateGroup
from servers.browser import BROWSER_MARKS, DESKTOP
from tests.admin.review.conftest import keys_of, marked_keys, review_address

pytestmark = BROWSER_MARKS


def selected(reviewer) -> list[int]:
    boxes = reviewer.browser.find_elements(By.CSS_SELECTOR, "[name=image]:checked")
    return [int(box.get_attribute("value")) for box in boxes]


def test_several_images_are_decided_together(reviewer, add_copies):
    add_copies(copies=3)
    _keeper, one, two, three = keys_of(DuplicateGroup.objects.get())
    reviewer.open(review_address("changelist"))
    button = reviewer.find(".hashing-selection [value=same]")
    assert not button.is_displayed()
    reviewer.press("j", "x", "j", "x")
    assert selected(reviewer) == [one, two]
    assert reviewer.find(".hashing-selection__count").text == "2 selected"
    assert button.is_displayed()
    reviewer.click(".hashing-selection [value=same]")
    reviewer.wait_for_message("2 images are marked as duplicates of")
    reviewer.wait_for_focus(three)
    assert marked_keys() == {one, two}
    assert selected(reviewer) == []


@DESKTOP
def test_the_key_of_a_verdict_is_about_the_selected_images(reviewer, add_copies):
    add_copies(copies=3)
    _keeper, one, two, three = keys_of(DuplicateGroup.objects.get())
    reviewer.open(review_address("changelist"))
    reviewer.press("j", "x", "j", "x", "j", "s")
    reviewer.wait_for_message("2 images are marked as duplicates of")
    assert marked_keys() == {one, two}
    reviewer.wait_for_focus(three)


def test_the_keys_work_after_a_size_was_chosen(reviewer, add_copies):
    add_copies(copies=2)
    reviewer.open(review_address("changelist"))
    reviewer.click("[name=card-size][value=small]")
    reviewer.press("j", "s")
    reviewer.wait_for_message("is marked as a duplicate of")


@DESKTOP
def test_shift_selects_a_range_and_escape_clears_it(reviewer, add_copies):
    add_copies(copies=4)
    reviewer.open(review_address("changelist"))
    shown = reviewer.shown()
    boxes = reviewer.browser.find_elements(By.CSS_SELECTOR, "[name=image]")
    boxes[1].click()
    ActionChains(reviewer.browser).key_down(Keys.SHIFT).click(boxes[3]).key_up(Keys.SHIFT).perform()
    assert selected(reviewer) == shown[1:4]
    reviewer.press(Keys.ESCAPE)
    assert selected(reviewer) == []
    everything = reviewer.find(".hashing-group__select-all input")
    everything.click()
    assert selected(reviewer) == shown
    reviewer.click(".hashing-selection__clear")
    assert selected(reviewer) == []
    assert not everything.is_selected()


@DESKTOP
def test_enter_in_a_checkbox_decides_nothing(reviewer, add_copies):
    add_copies(copies=2)
    reviewer.open(review_address("changelist"))
    reviewer.wait_until_shown()
    reviewer.find("[name=image]").send_keys(Keys.SPACE, Keys.ENTER)
    assert reviewer.browser.execute_script("return document.querySelector('.hashing-review').ariaBusy") == "false"
    assert selected(reviewer) == reviewer.shown()[:1]
