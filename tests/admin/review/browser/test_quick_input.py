from __future__ import annotations

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from hashing.models import PairDecision
from servers.browser import BROWSER_MARKS
from tests.admin.review.browser.conftest import DESKTOP
from tests.admin.review.conftest import review_address

pytestmark = BROWSER_MARKS


def kept_groups() -> int:
    return PairDecision.objects.values("batch").distinct().count()


@pytest.mark.parametrize("pause", [0, 0.12])
def test_two_quick_enters_decide_once(reviewer, add_copies, pause):
    for number in range(1, 4):
        add_copies(number, copies=2)
    reviewer.open(review_address("changelist"))
    reviewer.wait_until_shown()
    ActionChains(reviewer.browser).send_keys(Keys.ENTER).pause(pause).send_keys(Keys.ENTER).perform()
    reviewer.wait_for_message("2 images are marked as its duplicates")
    reviewer.wait_until_shown()
    assert len(reviewer.browser.find_elements(By.CSS_SELECTOR, ".hashing-group")) == 2
    assert kept_groups() == 1


@DESKTOP
@pytest.mark.parametrize("pause", [0, 0.12])
def test_double_click_decides_once(reviewer, add_copies, pause):
    for number in range(1, 4):
        add_copies(number, copies=2)
    reviewer.open(review_address("changelist"))
    reviewer.wait_until_shown()
    button = reviewer.find("[name=keep]")
    ActionChains(reviewer.browser).move_to_element(button).click().pause(pause).click().perform()
    reviewer.wait_for_message("2 images are marked as its duplicates")
    reviewer.wait_until_shown()
    assert len(reviewer.browser.find_elements(By.CSS_SELECTOR, ".hashing-group")) == 2
    assert kept_groups() == 1


@pytest.fixture
def enter_on_load(browser):
    """Press Enter as soon as the scripts of a page have run: a driver may be slower."""
    script = """document.addEventListener("DOMContentLoaded", () => setTimeout(() =>
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }))))"""
    added = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
    yield
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


@DESKTOP
def test_enter_before_a_page_can_be_seen_decides_nothing(reviewer, add_copies, enter_on_load):
    add_copies(copies=2)
    reviewer.open(review_address("changelist"))
    reviewer.wait_until_shown()
    assert kept_groups() == 0
    reviewer.press(Keys.ENTER)
    reviewer.wait_for_message("2 images are marked as its duplicates")


@DESKTOP
def test_keep_of_a_group_with_hidden_images_is_confirmed(reviewer, add_group):
    add_group(size=20)
    reviewer.open(review_address("changelist"))
    reviewer.press(Keys.ENTER)
    reviewer.wait(lambda: reviewer.browser.switch_to.alert).dismiss()
    assert PairDecision.objects.count() == 0
