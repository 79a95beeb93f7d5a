from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from hashing.models import DuplicateGroup
from servers.browser import BROWSER_MARKS
from tests.admin.review.conftest import review_address

pytestmark = BROWSER_MARKS

TOO_WIDE = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("theme", ["light", "dark"])
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
