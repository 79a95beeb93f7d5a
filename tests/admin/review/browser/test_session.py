from __future__ import annotations

from selenium.webdriver.common.keys import Keys

from servers.browser import BROWSER_MARKS, DESKTOP
from tests.admin.review.conftest import review_address

pytestmark = BROWSER_MARKS


@DESKTOP
def test_header_follows_the_focus_and_the_decisions(reviewer, add_copies):
    for picture in (1, 2, 3):
        add_copies(picture, copies=2)

    def wait_for_header(*texts: str) -> None:
        reviewer.wait(lambda: all(text in reviewer.find(".hashing-session").text for text in texts))

    reviewer.open(review_address("changelist"))
    wait_for_header("Group 1 of 3", "0 decided today", "can be freed")
    reviewer.press("g")
    wait_for_header("Group 2 of 3")
    reviewer.press(Keys.ENTER)
    wait_for_header("Group 2 of 2", "1 decided today")
    reviewer.press("u")
    wait_for_header("of 3", "0 decided today")
    reviewer.click(".hashing-group__link")
    wait_for_header("Group 1 of 3")
    reviewer.click(".hashing-neighbours [rel=next]")
    wait_for_header("Group 2 of 3")
