from __future__ import annotations

from selenium.webdriver.common.keys import Keys

from servers.browser import BROWSER_MARKS
from tests.admin.review.browser.conftest import DESKTOP
from tests.admin.review.conftest import review_address

pytestmark = BROWSER_MARKS


@DESKTOP
def test_arrows_and_letters_move_between_images_and_groups(reviewer, add_copies):
    add_copies(1, copies=2)
    add_copies(2, copies=2)
    reviewer.open(review_address("changelist"))
    shown = reviewer.shown()
    reviewer.wait_for_focus(shown[0])
    keys = [Keys.ARROW_RIGHT, Keys.ARROW_LEFT, "j", "k", Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP]
    for key, place in zip(keys, [1, 0, 1, 0, 3, 3, 0], strict=True):
        reviewer.press(key)
        reviewer.wait_for_focus(shown[place])


@DESKTOP
def test_help_shows_the_keys(reviewer, add_copies):
    add_copies()
    reviewer.open(review_address("changelist"))
    for shown in (True, False):
        reviewer.press("?")
        assert reviewer.find(".hashing-keys").is_displayed() is shown
