from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from hashing.models import DuplicateGroup
from servers.browser import BROWSER_MARKS, DESKTOP
from tests.admin.review.conftest import review_address

pytestmark = BROWSER_MARKS

TOO_WIDE = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
BOTTOM = (
    "return Math.max(...[...document.querySelectorAll('.hashing-member')].map(e => e.getBoundingClientRect().bottom))"
)
# Whether something else lies upon the last button of the card that has the focus.
IS_COVERED = """const button = [...document.activeElement.querySelectorAll(".hashing-verdict")].at(-1)
    const { left, right, top, bottom } = button.getBoundingClientRect()
    return !button.contains(document.elementFromPoint((left + right) / 2, bottom - 2))"""
HEIGHT_OF_HEADER = "return document.querySelector('.hashing-group__header').offsetHeight"
IS_CUT = "return arguments[0].scrollWidth > arguments[0].clientWidth"
SMALL_TARGETS = """const [selector, least] = arguments
    const sizes = [...document.querySelectorAll(selector)].map((button) => [button.offsetWidth, button.offsetHeight])
    return sizes.filter(([width, height]) => width && Math.min(width, height) < least)"""

# As a theme lays out the icon that it has behind a field, by a rule for all buttons (django-grappelli).
ADD_RULE_OF_A_THEME = """document.styleSheets[0].insertRule(
    "button { margin: 0 0 0 -25px; width: 25px; height: 25px }")"""
OVERLAPPING = """const all = [...document.querySelectorAll("button, summary")]
    const buttons = all.filter((button) => button.offsetWidth)
    const boxes = buttons.map((button) => [button.textContent.trim(), button.getBoundingClientRect()])
    const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
    return boxes.flatMap(([text, box], i) => boxes.slice(i + 1).filter(([, other]) => overlap(box, other))
        .map(([other]) => [text, other]))"""


@pytest.mark.parametrize(("browser", "theme"), [(1280, "light"), (400, "dark")], indirect=["browser"])
def test_pages_are_not_wider_than_the_window(reviewer, add_copies, theme):
    features = [{"name": "prefers-color-scheme", "value": theme}]
    reviewer.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    add_copies(copies=15, name="a-name-that-is-much-longer-than-any-card-has-room-for-" * 2)
    for path in (review_address("changelist"), review_address("change", DuplicateGroup.objects.get().pk)):
        reviewer.open(path)
        assert reviewer.browser.execute_script(TOO_WIDE) <= 0
        reviewer.press(Keys.ARROW_RIGHT, "c")
        reviewer.compared()
        assert reviewer.browser.execute_script(TOO_WIDE) <= 0


@pytest.fixture
def screen(browser):
    def resize(width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    return resize


@DESKTOP
def test_group_of_six_fits_a_screen(reviewer, add_copies, screen):
    screen(1440, 900)
    add_copies(copies=5, name="PXL_20241126_183014123.PORTRAIT-01.COVER")
    for path in (review_address("changelist"), review_address("change", DuplicateGroup.objects.get().pk)):
        reviewer.open(path)
        assert reviewer.browser.execute_script(BOTTOM) < 900


@DESKTOP
def test_size_of_the_cards_is_remembered(reviewer, add_copies, screen):
    add_copies()
    widths = {}
    for size in ("small", "large", "medium"):
        reviewer.open(review_address("changelist"))
        reviewer.click(f"[name=card-size][value={size}]")
        reviewer.browser.refresh()
        widths[size] = reviewer.find(".hashing-member").size["width"]
    assert widths["small"] < widths["medium"] < widths["large"]


@DESKTOP
@pytest.mark.parametrize("size", [(400, 700), (720, 450)])
def test_bars_leave_the_buttons_of_the_current_card_free(reviewer, add_group, screen, size):
    screen(*size)
    add_group(size=9, names="{number}/{place}" + "-a-long-name" * 9 + ".jpg")
    reviewer.open(review_address("changelist"))
    assert reviewer.find(".hashing-toolbar").size["height"] == 0
    reviewer.press("j", "s")
    reviewer.wait_for_message("is marked as a duplicate of")
    assert reviewer.browser.execute_script(IS_COVERED) is False
    reviewer.press("x")
    assert reviewer.browser.execute_script(IS_COVERED) is False
    for _card in range(4):
        reviewer.press("j")
        assert reviewer.browser.execute_script(IS_COVERED) is False


@DESKTOP
def test_first_group_is_below_two_rows_of_controls(reviewer, add_copies, screen):
    add_copies()
    for width, most in ((1440, 180), (400, 320)):
        screen(width, 900)
        reviewer.open(review_address("changelist"))
        assert reviewer.find(".hashing-group").location["y"] <= most
        assert reviewer.browser.execute_script(HEIGHT_OF_HEADER) <= 36


@DESKTOP
@pytest.mark.parametrize("size", ["small", "medium"])
def test_verdicts_of_narrow_cards_have_words(reviewer, add_copies, screen, size):
    screen(400, 800)
    add_copies()
    reviewer.open(review_address("changelist"))
    reviewer.click(f"[name=card-size][value={size}]")
    labels = reviewer.browser.find_elements(By.CSS_SELECTOR, ".hashing-member--open .hashing-verdict__label")
    assert [label.text for label in labels] == ["Same", "Not same", "Together", "Keep"]
    assert [label for label in labels if reviewer.browser.execute_script(IS_CUT, label)] == []


@DESKTOP
@pytest.mark.parametrize(("size", "narrowest", "language"), [("small", 1330, "en"), ("medium", 1200, "de")])
def test_verdicts_of_the_narrowest_cards_of_a_wide_page_are_not_cut(
    reviewer, add_copies, screen, settings, size, narrowest, language
):
    settings.LANGUAGE_CODE = language
    add_copies(copies=5)
    reviewer.open(review_address("changelist"))
    reviewer.click(f"[name=card-size][value={size}]")
    labels = reviewer.browser.find_elements(By.CSS_SELECTOR, ".hashing-member--open .hashing-verdict__label")[:4]
    for width in range(narrowest, narrowest + 81, 4):
        screen(width, 800)
        # The browser lays the page out after it has answered.
        reviewer.wait(lambda: not any(reviewer.browser.execute_script(IS_CUT, label) for label in labels))


@DESKTOP
def test_menus_close_by_escape_and_by_a_press_outside(reviewer, add_copies):
    add_copies()
    reviewer.open(review_address("changelist"))
    for leave in (lambda: reviewer.send(Keys.ESCAPE), lambda: reviewer.find(".hashing-group__header").click()):
        reviewer.find(".hashing-menu summary").click()
        assert reviewer.find(".hashing-menu__choices").is_displayed()
        leave()
        assert not reviewer.find(".hashing-menu__choices").is_displayed()


@DESKTOP
def test_controls_are_large_enough(reviewer, add_copies, screen):
    screen(400, 800)
    add_copies(copies=3)
    reviewer.open(review_address("changelist"))
    small = reviewer.browser.execute_script(SMALL_TARGETS, ".hashing-group button, .hashing-member__select", 24)
    assert small == []


@DESKTOP
def test_a_rule_of_a_theme_for_all_buttons_does_not_move_ours(reviewer, add_copies, screen):
    screen(1280, 900)
    add_copies(copies=3)
    reviewer.open(review_address("changelist"))
    reviewer.browser.execute_script(ADD_RULE_OF_A_THEME)
    assert reviewer.browser.execute_script(OVERLAPPING) == []
