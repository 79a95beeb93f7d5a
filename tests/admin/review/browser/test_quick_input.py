from __future__ import annotations

from threading import Event

import pytest
from django.http import HttpResponse
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from hashing.admin import previews
from hashing.admin.review.views import DecisionViews
from hashing.models import PairDecision
from servers.browser import BROWSER_MARKS, DESKTOP
from tests.admin.review.browser.conftest import names_of
from tests.admin.review.conftest import review_address

pytestmark = BROWSER_MARKS

IS_READY = "return document.querySelector('.hashing-review').ariaBusy === 'false'"


def after(event: Event, view):
    """Return the view, which waits for the event."""

    def wait(*arguments):
        event.wait(20)
        return view(*arguments)

    return wait


def kept_groups() -> int:
    return PairDecision.objects.values("batch").distinct().count()


@DESKTOP
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


@pytest.fixture
def previews_held(monkeypatch):
    """Let the server answer no request for a preview before the event is set."""
    released = Event()

    monkeypatch.setattr(previews, "read_preview", after(released, previews.read_preview))
    yield released
    released.set()


@DESKTOP
def test_nothing_is_decided_before_the_pictures_are_loaded(reviewer, add_copies, previews_held):
    add_copies(71, copies=2)
    reviewer.open(review_address("changelist"))
    reviewer.wait(lambda: reviewer.browser.execute_script(IS_READY))
    for press in (lambda: reviewer.send(Keys.ENTER), lambda: reviewer.find("[name=same]").click()):
        press()
        reviewer.wait_for_message("the pictures are still loading")
    assert kept_groups() == 0
    previews_held.set()
    reviewer.wait(lambda: reviewer.find(".hashing-toolbar__message").text == "")
    reviewer.press("s")
    reviewer.wait_for_message("is marked as a duplicate of")


@DESKTOP
def test_pictures_that_failed_do_not_hold_up_decisions(reviewer, add_copies, monkeypatch):
    monkeypatch.setattr(previews, "secured", lambda *_arguments: HttpResponse(status=500))
    add_copies(72, copies=2)
    reviewer.open(review_address("changelist"))
    reviewer.press(Keys.ENTER)
    reviewer.wait_for_message("2 images are marked as its duplicates")


@DESKTOP
def test_verdict_that_came_too_soon_is_answered(reviewer, add_copies):
    for number in range(1, 4):
        add_copies(number, copies=2)
    reviewer.open(review_address("changelist"))
    reviewer.wait_until_shown()
    reviewer.send(Keys.ENTER, Keys.ENTER)
    reviewer.wait_for_message("2 images are marked as its duplicates")
    assert reviewer.find(".hashing-toolbar__message").text.startswith("Pressed too soon")
    reviewer.press(Keys.ENTER)
    reviewer.wait(lambda: len(reviewer.browser.find_elements(By.CSS_SELECTOR, ".hashing-group")) == 1)
    assert "too soon" not in reviewer.find(".hashing-toolbar__message").text


@DESKTOP
def test_verdict_that_came_too_soon_in_the_comparison_is_answered_there(reviewer, add_copies):
    for number in range(1, 4):
        add_copies(number, copies=2)
    reviewer.open(review_address("changelist"))
    reviewer.press("z")
    reviewer.wait_until_shown()
    reviewer.send(Keys.ENTER, Keys.ENTER)
    message = reviewer.find(".hashing-compare__message")
    reviewer.wait(lambda: "2 images are marked as its duplicates" in message.text)
    assert message.text.startswith("Pressed too soon")
    assert kept_groups() == 1


@DESKTOP
@pytest.mark.parametrize("mark", ["x", Keys.SPACE])
def test_marks_and_moves_while_a_decision_is_sent_are_about_what_follows(reviewer, add_copies, monkeypatch, mark):
    add_copies(copies=4)
    sent = Event()
    monkeypatch.setattr(DecisionViews, "respond", after(sent, DecisionViews.respond))
    reviewer.open(review_address("changelist"))
    _keeper, _one, two, three, four = reviewer.shown()
    reviewer.press("j")
    reviewer.send("s", mark, "j", "j", mark)
    sent.set()
    reviewer.wait_for_message("is marked as a duplicate of")
    reviewer.wait_for_focus(four)
    assert reviewer.selected() == [two, four]
    reviewer.click(f"[name=same][value='{three}']")
    reviewer.wait(lambda: three not in reviewer.shown(".hashing-member--open"))
    reviewer.wait_until_shown()
    assert reviewer.selected() == [two, four]


@DESKTOP
def test_moves_in_the_comparison_while_a_decision_is_sent_follow_it(reviewer, add_copies, monkeypatch):
    for number in range(1, 4):
        add_copies(number, copies=2)
    sent = Event()
    monkeypatch.setattr(DecisionViews, "respond", after(sent, DecisionViews.respond))
    reviewer.open(review_address("changelist"))
    [last] = names_of(reviewer.shown()[6])
    reviewer.press("z")
    reviewer.wait_until_shown()
    reviewer.send(Keys.ENTER, "g")
    sent.set()
    # Not the number of decisions: SQLite refuses to count them while they are written.
    reviewer.wait(lambda: reviewer.compared_names()[0] == last)
    assert kept_groups() == 1
