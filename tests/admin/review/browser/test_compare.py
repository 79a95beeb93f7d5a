from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from hashing.models import DuplicateGroup, MarkedDuplicate
from servers.browser import BROWSER_MARKS
from tests.admin.review.browser.conftest import DESKTOP
from tests.admin.review.conftest import keys_of, review_address

pytestmark = BROWSER_MARKS


def test_two_images_are_compared_in_four_ways(reviewer, add_copies):
    _keeper, one = add_copies()
    reviewer.open(review_address("changelist"))
    reviewer.press("j", "c")
    assert reviewer.compared() == {"mode": "flip", "shown": "first"}
    reviewer.press(Keys.SPACE)
    assert reviewer.compared()["shown"] == "second"
    reviewer.click(".hashing-compare__modes [data-mode=overlay]")
    assert reviewer.compared()["mode"] == "overlay"
    for key, mode in (("1", "flip"), ("3", "difference"), ("4", "side")):
        reviewer.press(key)
        assert reviewer.compared()["mode"] == mode
    reviewer.press(Keys.ESCAPE)
    assert not reviewer.browser.find_elements(By.CSS_SELECTOR, "dialog[open]")
    reviewer.wait_for_focus(one)


@DESKTOP
@pytest.mark.slow
def test_turned_copies_lie_exactly_on_their_keeper(reviewer, add_copies):
    add_copies(copies=1, orientations=(2, 3, 4, 5, 6, 7, 8))
    reviewer.open(review_address("changelist"))
    cards = reviewer.browser.find_elements(By.CSS_SELECTOR, ".hashing-member--open")
    assert sorted(card.get_attribute("data-orientation") for card in cards) == list("12345678")
    for _card in cards:
        reviewer.press("j", "c", "3")
        reviewer.compared()
        stage = Image.open(io.BytesIO(reviewer.find(".hashing-compare__stage figure").screenshot_as_png)).convert("L")
        assert np.asarray(stage).mean() < 40
        reviewer.press(Keys.ESCAPE)


@DESKTOP
def test_decision_in_the_comparison_moves_to_the_next_image(reviewer, add_copies):
    add_copies(copies=2)
    _keeper, one, two = keys_of(DuplicateGroup.objects.get())
    reviewer.open(review_address("changelist"))
    reviewer.press("j", "c", "s")
    reviewer.wait_for_focus(two)
    assert set(MarkedDuplicate.objects.values_list("pk", flat=True)) == {one}
