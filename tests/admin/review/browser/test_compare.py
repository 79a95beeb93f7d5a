from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from hashing.models import DuplicateGroup, ImageAsset, MarkedDuplicate, PairDecision
from servers.browser import BROWSER_MARKS, DESKTOP
from tests.admin.review.browser.conftest import names_of
from tests.admin.review.conftest import keys_of, review_address, store_all_groups

pytestmark = BROWSER_MARKS


def marked() -> set[int]:
    return set(MarkedDuplicate.objects.values_list("pk", flat=True))


def test_two_images_are_compared_in_five_ways(reviewer, add_copies):
    _keeper, one = add_copies()
    reviewer.open(review_address("changelist"))
    reviewer.press("j", "c")
    assert reviewer.compared() == {"mode": "flip", "shown": "second"}
    reviewer.press(Keys.SPACE)
    assert reviewer.compared()["shown"] == "first"
    reviewer.click(".hashing-compare__modes [data-mode=overlay]")
    assert reviewer.compared()["mode"] == "overlay"
    for key, mode in (("f", "flip"), ("d", "difference"), ("t", "side"), ("w", "swipe")):
        reviewer.press(key)
        assert reviewer.compared()["mode"] == mode
    reviewer.press(Keys.SPACE, Keys.ESCAPE)
    assert not reviewer.is_comparing()
    reviewer.wait_for_focus(one)


@DESKTOP
@pytest.mark.slow
def test_turned_copies_lie_exactly_on_their_keeper(reviewer, add_copies):
    add_copies(copies=1, orientations=(2, 3, 4, 5, 6, 7, 8))
    reviewer.open(review_address("changelist"))
    cards = reviewer.browser.find_elements(By.CSS_SELECTOR, ".hashing-member--open")
    assert sorted(card.get_attribute("data-orientation") for card in cards) == list("12345678")
    reviewer.press("c", "d")
    for _card in cards:
        reviewer.press(Keys.ARROW_RIGHT)
        reviewer.compared()
        stage = Image.open(io.BytesIO(reviewer.find(".hashing-compare__stage").screenshot_as_png)).convert("L")
        assert np.asarray(stage)[10:-10, 10:-10].mean() < 40


@DESKTOP
def test_difference_of_identical_files_is_black_at_every_zoom(reviewer, add_copies, media):
    [key] = add_copies(copies=0)
    image = ImageAsset.objects.get(pk=key).image
    (media / "copy.jpg").write_bytes((media / image.name).read_bytes())
    ImageAsset.objects.create(image="copy.jpg")
    store_all_groups()
    reviewer.open(review_address("changelist"))
    reviewer.press("c", "d")
    for _zoom in range(4):
        reviewer.press("-")
        reviewer.compared()
        stage = Image.open(io.BytesIO(reviewer.find(".hashing-compare__stage").screenshot_as_png)).convert("L")
        assert np.asarray(stage)[10:-10, 10:-10].max() < 32


@DESKTOP
def test_decisions_lead_through_a_group_and_on_to_the_next_one(reviewer, add_copies):
    for number in (1, 2):
        add_copies(number, copies=2)
    reviewer.open(review_address("changelist"))
    keys = reviewer.shown()
    names = names_of(*keys)
    reviewer.press("j", "c", "s")
    reviewer.wait(lambda: reviewer.compared_names() == [names[0], names[2]])
    assert marked() == {keys[1]}
    reviewer.press("n")
    reviewer.wait(lambda: reviewer.compared_names() == names[3:5])
    assert reviewer.compared()["shown"] == "first"
    assert "not the same" in reviewer.find(".hashing-compare__message").text


@DESKTOP
def test_enter_keeps_the_image_that_is_shown_and_undo_brings_the_group_back(reviewer, add_copies):
    for number in (1, 2):
        add_copies(number, copies=2)
    reviewer.open(review_address("changelist"))
    keys = reviewer.shown()
    names = names_of(*keys)
    reviewer.press("c", Keys.ARROW_RIGHT, Keys.ENTER)
    reviewer.wait(lambda: reviewer.compared_names() == names[3:5])
    assert marked() == {keys[0], keys[2]}
    reviewer.press("u")
    reviewer.wait(lambda: reviewer.compared_names()[0] == names[0])
    assert marked() == set()


@DESKTOP
def test_two_quick_enters_in_the_comparison_decide_once(reviewer, add_copies):
    for number in range(1, 4):
        add_copies(number)
    reviewer.open(review_address("changelist"))
    reviewer.press("c")
    reviewer.wait_until_shown()
    ActionChains(reviewer.browser).send_keys(Keys.ENTER).pause(0.1).send_keys(Keys.ENTER).perform()
    reviewer.wait_for_message("is marked as its duplicate")
    reviewer.wait_until_shown()
    assert PairDecision.objects.values("batch").distinct().count() == 1


@DESKTOP
def test_comparison_closes_after_the_last_group_and_stays_open_on_the_next_page(reviewer, add_copies, monkeypatch):
    monkeypatch.setattr("hashing.admin.review.admin.DuplicateGroupAdmin.list_per_page", 1)
    for number in (1, 2):
        add_copies(number)
    reviewer.open(review_address("changelist"))
    [first, _copy] = names_of(*reviewer.shown())
    reviewer.press("c", "s")
    reviewer.wait(lambda: reviewer.is_comparing() and reviewer.compared_names()[0] != first)
    reviewer.press("s")
    reviewer.wait(lambda: not reviewer.is_comparing())
    reviewer.wait(lambda: reviewer.find(".hashing-review__empty").is_displayed())
    assert MarkedDuplicate.objects.count() == 2


@DESKTOP
def test_filmstrip_shows_and_opens_every_image_of_the_group(reviewer, add_copies):
    add_copies(copies=3)
    keeper, *_others, last = keys_of(DuplicateGroup.objects.get())
    reviewer.open(review_address("changelist"))
    reviewer.press("c")
    buttons = reviewer.browser.find_elements(By.CSS_SELECTOR, ".hashing-compare__filmstrip button")
    assert len(buttons) == 4
    buttons[-1].click()
    assert reviewer.compared_names() == names_of(keeper, last)
    assert reviewer.find(".hashing-compare__position").text.startswith("Image 4 of 4: ")
    current = reviewer.find(".hashing-compare__filmstrip [aria-current=true]")
    assert current.get_attribute("aria-label") == names_of(last)[0]


@DESKTOP
def test_two_selected_images_are_compared_with_each_other(reviewer, add_copies):
    add_copies(copies=3)
    keys = keys_of(DuplicateGroup.objects.get())
    reviewer.open(review_address("changelist"))
    for key in keys[1:3]:
        reviewer.click(f"[name=image][value='{key}']")
    reviewer.press("c")
    assert reviewer.compared_names() == names_of(*keys[1:3])
    buttons = reviewer.browser.find_elements(By.CSS_SELECTOR, ".hashing-compare [data-verdict]")
    assert [button.get_attribute("data-verdict") for button in buttons if button.is_displayed()] == ["keep"]
    reviewer.press(Keys.ARROW_RIGHT)
    assert reviewer.compared_names() == names_of(keys[1], keys[3])
    # Beside the keeper, the verdict is about the other one.
    reviewer.click(f".hashing-compare__filmstrip [data-image='{keys[0]}']")
    reviewer.press("s")
    reviewer.wait_for_message("is marked as a duplicate")
    assert marked() == {keys[1]}


@DESKTOP
def test_one_or_three_selected_images_are_not_a_pair(reviewer, add_copies):
    keys = add_copies(copies=3)
    reviewer.open(review_address("changelist"))
    for key, is_pair in zip(keys[:3], [False, True, False], strict=True):
        reviewer.click(f"[name=image][value='{key}']")
        assert reviewer.find(".hashing-selection__compare").is_displayed() == is_pair
    reviewer.press("c")
    assert reviewer.compared_names()[0] == names_of(keys_of(DuplicateGroup.objects.get())[0])[0]


@DESKTOP
def test_arrows_lead_to_the_images_on_other_pages(reviewer, add_copies, monkeypatch):
    monkeypatch.setattr("hashing.admin.review.presentation.MAX_CARDS_ON_LIST", 3)
    monkeypatch.setattr("hashing.admin.review.presentation.CARDS_PER_PAGE", 4)
    add_copies(copies=6)
    keeper, *others = keys_of(DuplicateGroup.objects.get())
    reviewer.open(review_address("changelist"))
    reviewer.press("c", Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert reviewer.compared_names()[1] == names_of(others[1])[0]
    assert reviewer.find(".hashing-compare__position").text.startswith("Image 3 of 3 (7 in all): ")
    assert reviewer.find(".hashing-compare__beyond").text == "and 4 more"
    for key in others[2:]:
        reviewer.press(Keys.ARROW_RIGHT)
        reviewer.wait(lambda key=key: reviewer.is_comparing() and reviewer.compared_names() == names_of(keeper, key))
    reviewer.click(".hashing-compare__beyond")
    reviewer.wait(lambda: reviewer.is_comparing() and reviewer.compared_names() == names_of(keeper, others[3]))


@DESKTOP
def test_keys_are_explained_in_the_comparison(reviewer, add_copies):
    add_copies()
    reviewer.open(review_address("changelist"))
    reviewer.press("c", "?")
    assert reviewer.find(".hashing-keys[open]").is_displayed()
    reviewer.press("?")
    reviewer.wait(lambda: not reviewer.browser.find_elements(By.CSS_SELECTOR, ".hashing-keys[open]"))
    assert reviewer.is_comparing()
