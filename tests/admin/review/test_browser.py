"""An editor at the keyboard, in a real browser."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from hashing.fingerprint.decoding import TRANSPOSE_METHODS
from hashing.models import DuplicateGroup, ImageAsset, MarkedDuplicate, PairDecision
from samples.pictures import encoded, photo
from servers.browser import BROWSER_MARKS
from tests.admin.review.conftest import form_of, keys_of, review_address, store_all_groups
from tests.admin.test_browser import Editor

pytestmark = BROWSER_MARKS

SECONDS = 10
DESKTOP = pytest.mark.parametrize("browser", [1280], indirect=True)
TOO_WIDE = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
FOCUSED = "return Number(document.activeElement.closest('.review-card')?.dataset.picture)"
IS_BUSY = "return document.querySelector('.review').ariaBusy"
MODE = "return document.querySelector('.compare').dataset"
DRAWN = """return [...document.querySelectorAll('.compare-stage img')].every(
    (picture) => picture.complete && picture.naturalWidth)"""


class Reviewer(Editor):
    """Somebody at the keyboard, on the page of the groups."""

    def press(self, *keys: str) -> None:
        for key in keys:
            self.wait_until_shown()
            ActionChains(self.browser).send_keys(key).perform()

    def click(self, selector: str) -> None:
        self.wait_until_shown()
        super().click(selector)

    def wait_until_shown(self) -> None:
        """The page takes no decision on what is new until somebody can have seen it."""
        self.wait(lambda: self.browser.execute_script(IS_BUSY) == "false")

    def wait(self, condition):
        # What a condition looks at may be replaced at the same moment, which the driver reports in more than one way.
        waiting = WebDriverWait(self.browser, SECONDS, 0.05, ignored_exceptions=[WebDriverException])
        return waiting.until(lambda _browser: condition())

    def wait_for_focus(self, key: int) -> None:
        self.wait(lambda: self.browser.execute_script(FOCUSED) == key)

    def wait_for_message(self, text: str) -> None:
        self.wait(lambda: text in self.find(".review-message").text)

    def shown(self) -> list[int]:
        cards = self.browser.find_elements(By.CSS_SELECTOR, ".review-card")
        return [int(card.get_attribute("data-picture")) for card in cards]

    def compared(self) -> dict[str, str]:
        self.wait(lambda: self.browser.execute_script(DRAWN))
        return self.browser.execute_script(MODE)


@pytest.fixture
def reviewer(browser, live_server, media, client_of) -> Reviewer:
    somebody = Reviewer(browser, live_server.url)
    somebody.open("/admin/login/")
    browser.delete_all_cookies()
    browser.add_cookie({"name": "sessionid", "value": client_of("superuser").cookies["sessionid"].value})
    return somebody


@pytest.fixture
def add_copies(media, transactional_db):
    """Makes real pictures: a keeper, smaller copies of it, and one for each of the orientations; and their groups."""

    def add(number: int = 1, copies: int = 1, orientations: tuple[int, ...] = (), name: str = "photo") -> list[int]:
        picture = photo(seed=number, size=(640, 480))
        files = [picture, *(picture.resize((320 - 4 * each, 240 - 3 * each)) for each in range(copies))]
        files += [picture.resize((320, 240)).transpose(TRANSPOSE_METHODS[orientation]) for orientation in orientations]
        keys = []
        for place, image in enumerate(files):
            path = media / f"{number}" / f"{name}-{place}.jpg"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(encoded(image, "JPEG", quality=95))
            keys.append(ImageAsset.objects.create(image=f"{number}/{path.name}").pk)
        store_all_groups()
        return keys

    return add


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


@DESKTOP
def test_arrows_and_letters_lead_from_picture_to_picture_and_group_to_group(reviewer, add_copies):
    add_copies(1, copies=2)
    add_copies(2, copies=2)
    reviewer.open(review_address("changelist"))
    shown = reviewer.shown()
    reviewer.wait_for_focus(shown[0])
    keys = [Keys.ARROW_RIGHT, Keys.ARROW_LEFT, "j", "k", Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP]
    for key, place in zip(keys, [1, 0, 1, 0, 3, 3, 0], strict=True):
        reviewer.press(key)
        reviewer.wait_for_focus(shown[place])


def test_enter_on_the_suggested_keepers_clears_one_group_after_the_other(reviewer, add_copies):
    groups = [add_copies(number, copies=2) for number in range(1, 4)]
    reviewer.open(review_address("changelist"))
    for left in (2, 1, 0):
        reviewer.press(Keys.ENTER)
        reviewer.wait(lambda left=left: len(reviewer.browser.find_elements(By.CSS_SELECTOR, ".review-group")) == left)
    assert MarkedDuplicate.objects.count() == 6
    assert not MarkedDuplicate.objects.filter(pk__in=[keys[0] for keys in groups]).exists()
    reviewer.wait(lambda: "There are no such groups." in reviewer.find(".review").text)


def kept_groups() -> int:
    return PairDecision.objects.values("batch").distinct().count()


@pytest.mark.parametrize("pause", [0, 0.12])
def test_two_quick_enters_decide_about_one_group(reviewer, add_copies, pause):
    for number in range(1, 4):
        add_copies(number, copies=2)
    reviewer.open(review_address("changelist"))
    reviewer.wait_until_shown()
    ActionChains(reviewer.browser).send_keys(Keys.ENTER).pause(pause).send_keys(Keys.ENTER).perform()
    reviewer.wait_for_message("2 pictures are marked as its duplicates")
    reviewer.wait_until_shown()
    assert len(reviewer.browser.find_elements(By.CSS_SELECTOR, ".review-group")) == 2
    assert kept_groups() == 1


@DESKTOP
@pytest.mark.parametrize("pause", [0, 0.12])
def test_double_click_decides_about_one_group(reviewer, add_copies, pause):
    for number in range(1, 4):
        add_copies(number, copies=2)
    reviewer.open(review_address("changelist"))
    reviewer.wait_until_shown()
    button = reviewer.find(".review-keep")
    ActionChains(reviewer.browser).move_to_element(button).click().pause(pause).click().perform()
    reviewer.wait_for_message("2 pictures are marked as its duplicates")
    reviewer.wait_until_shown()
    assert len(reviewer.browser.find_elements(By.CSS_SELECTOR, ".review-group")) == 2
    assert kept_groups() == 1


@DESKTOP
def test_enter_that_was_meant_for_the_page_before_decides_nothing(reviewer, add_copies):
    add_copies(copies=2)
    reviewer.open(review_address("changelist"))
    ActionChains(reviewer.browser).send_keys(Keys.ENTER).perform()
    reviewer.wait_until_shown()
    assert kept_groups() == 0
    reviewer.press(Keys.ENTER)
    reviewer.wait_for_message("2 pictures are marked as its duplicates")


@DESKTOP
def test_decision_of_somebody_else_comes_first_and_is_shown(reviewer, add_copies, client_of):
    add_copies(copies=2)
    group = DuplicateGroup.objects.get()
    keeper, one, two = keys_of(group)
    reviewer.open(review_address("changelist"))
    client_of("reviewer").post(review_address("decide"), form_of(group, "keep", keeper))
    reviewer.press("j", "n")
    reviewer.wait_for_message("reviewer decided about this on")
    assert reviewer.shown() == [keeper, one, two]
    assert "all decided" in reviewer.find(".review-head").text
    assert set(MarkedDuplicate.objects.values_list("pk", flat=True)) == {one, two}


@DESKTOP
def test_keeper_without_a_file_is_refused_on_its_card(reviewer, add_copies, media):
    add_copies(copies=2)
    keeper = DuplicateGroup.objects.get().keeper
    reviewer.open(review_address("changelist"))
    media.joinpath(keeper.image.name).unlink()
    reviewer.press(Keys.ENTER)
    reviewer.wait_for_message("cannot be kept: File not found")
    card = reviewer.find(f"[data-picture='{keeper.pk}']")
    assert f"Cannot be kept: File not found at {keeper.image.name}" in card.text
    assert not card.find_elements(By.CSS_SELECTOR, "[name=keep]")
    assert reviewer.shown()[0] != keeper.pk


@DESKTOP
def test_next_groups_are_loaded_when_a_page_is_done(reviewer, add_group):
    for _number in range(22):
        add_group(size=2)
    reviewer.open(f"{review_address('changelist')}?pictures=2")
    for done in range(20):
        reviewer.wait(lambda done=done: len(reviewer.shown()) == 2 * (20 - done))
        reviewer.press(Keys.ENTER)
    reviewer.wait(lambda: len(reviewer.shown()) == 4)
    assert "pictures=2" in reviewer.browser.current_url
    reviewer.wait_for_focus(reviewer.shown()[0])


def test_same_not_the_same_and_undo(reviewer, add_copies):
    add_copies(copies=3)
    keeper, one, two, three = keys_of(DuplicateGroup.objects.get())
    reviewer.open(review_address("changelist"))
    reviewer.press("j", "s")
    reviewer.wait_for_focus(two)
    reviewer.press("n")
    reviewer.wait_for_focus(three)
    assert reviewer.shown() == [keeper, one, three]
    assert set(MarkedDuplicate.objects.values_list("pk", flat=True)) == {one}
    assert PairDecision.objects.count() == 2
    reviewer.press("u")
    reviewer.wait_for_focus(two)
    reviewer.press("u")
    reviewer.wait_for_focus(one)
    assert PairDecision.objects.count() == 0
    assert reviewer.shown().count(two) == 1


def test_undo_of_keep_leads_back_to_the_suggested_keeper(reviewer, add_copies):
    add_copies(copies=3)
    keeper, *_others = keys_of(DuplicateGroup.objects.get())
    reviewer.open(review_address("changelist") + "?state=all")
    reviewer.press(Keys.ENTER)
    reviewer.wait_for_message("3 pictures are marked")
    reviewer.press("u")
    reviewer.wait_for_message("taken back")
    reviewer.wait_for_focus(keeper)


def test_click_on_a_button_decides(reviewer, add_copies):
    add_copies(copies=2)
    _keeper, one, two = keys_of(DuplicateGroup.objects.get())
    reviewer.open(review_address("changelist"))
    reviewer.click(f"[name=same][value='{one}']")
    reviewer.wait_for_message("is marked as a duplicate of")
    reviewer.click(f"[name=keep][value='{two}']")
    reviewer.wait_for_message("2 pictures are marked as its duplicates")
    assert MarkedDuplicate.objects.count() == 2


@DESKTOP
def test_lost_connection_is_shown_and_nothing_is_lost(reviewer, add_copies):
    keys = add_copies(copies=2)
    reviewer.open(review_address("changelist"))
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    reviewer.browser.execute_cdp_cmd("Network.enable", {})
    reviewer.browser.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    reviewer.press(Keys.ENTER)
    reviewer.wait_for_message("No answer from the server")
    assert sorted(reviewer.shown()) == keys
    online = offline | {"offline": False, "downloadThroughput": -1, "uploadThroughput": -1}
    reviewer.browser.execute_cdp_cmd("Network.emulateNetworkConditions", online)
    reviewer.press(Keys.ENTER)
    reviewer.wait_for_message("2 pictures are marked as its duplicates")
    assert MarkedDuplicate.objects.count() == 2


@DESKTOP
def test_refusal_shows_the_group_as_it_is_now(reviewer, add_copies, client_of):
    add_copies(copies=2)
    keeper, one, two = keys_of(DuplicateGroup.objects.get())
    reviewer.open(review_address("changelist"))
    client_of("reviewer").post(review_address("decide"), form_of(DuplicateGroup.objects.get(), "different", one))
    reviewer.press("j", "s")
    reviewer.wait_for_message("reviewer decided about this on")
    assert reviewer.shown() == [keeper, two]


@DESKTOP
def test_end_of_the_session_is_shown(reviewer, add_copies):
    add_copies()
    reviewer.open(review_address("changelist"))
    reviewer.browser.delete_cookie("sessionid")
    reviewer.press(Keys.ENTER)
    reviewer.wait_for_message("logged out")
    assert PairDecision.objects.count() == 0


@DESKTOP
def test_keep_of_a_group_that_is_not_shown_whole_asks_first(reviewer, add_group):
    add_group(size=20)
    reviewer.open(review_address("changelist"))
    reviewer.press(Keys.ENTER)
    reviewer.wait(lambda: reviewer.browser.switch_to.alert).dismiss()
    assert PairDecision.objects.count() == 0


def test_two_pictures_are_compared_in_four_ways(reviewer, add_copies):
    _keeper, one = add_copies()
    reviewer.open(review_address("changelist"))
    reviewer.press("j", "c")
    assert reviewer.compared() == {"mode": "flip", "shown": "first"}
    reviewer.press(Keys.SPACE)
    assert reviewer.compared()["shown"] == "second"
    reviewer.click(".compare-modes [data-mode=overlay]")
    assert reviewer.compared()["mode"] == "overlay"
    for key, mode in (("1", "flip"), ("3", "difference"), ("4", "side")):
        reviewer.press(key)
        assert reviewer.compared()["mode"] == mode
    reviewer.press(Keys.ESCAPE)
    assert not reviewer.browser.find_elements(By.CSS_SELECTOR, "dialog[open]")
    reviewer.wait_for_focus(one)


@DESKTOP
def test_click_on_two_pictures_compares_them(reviewer, add_copies):
    add_copies(copies=2)
    reviewer.open(review_address("changelist"))
    pictures = reviewer.browser.find_elements(By.CSS_SELECTOR, ".hashing-card-image")
    for number in (1, 1, 2):
        reviewer.browser.execute_script("arguments[0].click()", pictures[number])
    assert len(reviewer.browser.find_elements(By.CSS_SELECTOR, ".review-selected")) == 1
    reviewer.browser.execute_script("arguments[0].click()", pictures[1])
    reviewer.compared()
    names = [item.text for item in reviewer.browser.find_elements(By.CSS_SELECTOR, ".compare-names strong")]
    assert names == [str(ImageAsset.objects.get(pk=key)) for key in reviewer.shown()[1:3]]


@DESKTOP
def test_turned_copies_lie_exactly_on_their_keeper(reviewer, add_copies):
    add_copies(copies=1, orientations=(2, 3, 4, 5, 6, 7, 8))
    reviewer.open(review_address("changelist"))
    cards = reviewer.browser.find_elements(By.CSS_SELECTOR, ".review-undecided")
    assert sorted(card.get_attribute("data-orientation") for card in cards) == list("12345678")
    for _card in cards:
        reviewer.press("j", "c", "3")
        reviewer.compared()
        stage = Image.open(io.BytesIO(reviewer.find(".compare-stage figure").screenshot_as_png)).convert("L")
        assert np.asarray(stage).mean() < 40
        reviewer.press(Keys.ESCAPE)


@DESKTOP
def test_decision_in_the_comparison_goes_on_to_the_next_picture(reviewer, add_copies):
    add_copies(copies=2)
    _keeper, one, two = keys_of(DuplicateGroup.objects.get())
    reviewer.open(review_address("changelist"))
    reviewer.press("j", "c", "s")
    reviewer.wait_for_focus(two)
    assert set(MarkedDuplicate.objects.values_list("pk", flat=True)) == {one}


@DESKTOP
def test_page_of_a_group_follows_it_when_it_is_made_anew(reviewer, add_copies):
    add_copies(copies=3)
    keys = keys_of(DuplicateGroup.objects.get())
    reviewer.open(review_address("of", keys[0]))
    reviewer.press("j", Keys.ENTER)
    reviewer.wait_for_message("3 pictures are marked as its duplicates")
    assert reviewer.browser.current_url.endswith(f"?picture={keys[1]}&p=1")
    reviewer.browser.refresh()
    assert "all decided" in reviewer.find(".review-head").text


@DESKTOP
def test_help_shows_the_keys(reviewer, add_copies):
    add_copies()
    reviewer.open(review_address("changelist"))
    for shown in (True, False):
        reviewer.press("?")
        assert reviewer.find(".review-keys").is_displayed() is shown
