from __future__ import annotations

import pytest
from selenium.webdriver.support.ui import WebDriverWait

from servers.browser import BROWSER_MARKS, DESKTOP
from tests.admin.review.browser.test_layout import SMALL_TARGETS
from tests.admin.review.conftest import review_address

pytestmark = [*BROWSER_MARKS, DESKTOP]

MIDDLE = """const { left, right, top, bottom } = arguments[0].getBoundingClientRect()
    return { x: (left + right) / 2, y: (top + bottom) / 2 }"""
DIVIDER = "return Number(document.querySelector('.hashing-compare__divider').ariaValueNow)"


class Finger:
    def __init__(self, browser) -> None:
        self.browser = browser

    def send(self, kind: str, *points: dict[str, float]) -> None:
        self.browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    def tap(self, element) -> None:
        self.browser.execute_script("arguments[0].scrollIntoView({ block: 'center' })", element)
        self.send("touchStart", self.browser.execute_script(MIDDLE, element))
        self.send("touchEnd")

    def swipe(self, element, distance: float) -> None:
        start = self.browser.execute_script(MIDDLE, element)
        self.send("touchStart", start)
        for part in (0.25, 0.5, 0.75, 1):
            self.send("touchMove", {**start, "x": start["x"] + part * distance})
        self.send("touchEnd")


@pytest.fixture
def finger(browser):
    """A finger on the screen of a telephone."""
    metrics = {"width": 400, "height": 800, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    yield Finger(browser)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


def test_buttons_are_large_enough_for_a_finger(reviewer, add_copies, finger):
    add_copies(copies=3)
    reviewer.open(review_address("changelist"))
    reviewer.click("[name=image]")
    targets = ".hashing-verdict, .hashing-selection button, .hashing-member__select, .hashing-member__compare"
    assert reviewer.browser.execute_script(SMALL_TARGETS, targets, 44) == []


def test_tap_on_a_picture_enlarges_it_and_taps_on_buttons_decide(reviewer, add_copies, finger):
    add_copies(copies=2)
    reviewer.open(review_address("changelist"))
    finger.tap(reviewer.find(".hashing-member--open .hashing-member__picture"))
    assert reviewer.compared()["mode"] == "flip"
    finger.tap(reviewer.find(".hashing-compare__close"))
    reviewer.wait(lambda: not reviewer.is_comparing())
    reviewer.wait_until_shown()
    finger.tap(reviewer.find("[name=same]"))
    reviewer.wait_for_message("is marked as a duplicate of")


def test_finger_moves_the_divider_between_two_pictures(reviewer, add_copies, finger):
    add_copies()
    reviewer.open(review_address("changelist"))
    finger.tap(reviewer.find(".hashing-member__compare"))
    reviewer.compared()
    finger.tap(reviewer.find("[data-mode=swipe]:is(button)"))
    WebDriverWait(reviewer.browser, 10).until(lambda browser: browser.execute_script(DIVIDER) == 50)
    finger.swipe(reviewer.find(".hashing-compare__divider"), -100)
    reviewer.wait(lambda: 20 <= reviewer.browser.execute_script(DIVIDER) <= 30)
