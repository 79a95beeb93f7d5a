from __future__ import annotations

from selenium.webdriver.common.by import By

from hashing.models import DuplicateGroup, GroupViewer, ImageAsset, MarkedDuplicate, PairDecision
from servers.browser import BROWSER_MARKS, DESKTOP
from tests.admin.review.conftest import form_of, keys_of, review_address

pytestmark = BROWSER_MARKS

POLL = "document.dispatchEvent(new Event('visibilitychange'))"


@DESKTOP
def test_two_editors_see_one_another_and_what_the_other_has_decided(reviewer, add_copies, client_of):
    for number in (1, 2):
        add_copies(number, copies=2)
    first, second = DuplicateGroup.objects.order_by("pk")
    other = client_of("reviewer")
    reviewer.open(review_address("changelist"))
    group, untouched = (f"#group-{each.keeper_id}" for each in (first, second))
    reviewer.browser.execute_script("arguments[0].focus()", reviewer.find(f"{group} .hashing-member"))
    reviewer.browser.execute_script(POLL)
    reviewer.wait(lambda: GroupViewer.objects.filter(keeper_pk=first.keeper_id).exists())

    # The other one opens the group and sees who has it open already.
    parameters = {"group": reviewer.find(group).get_attribute("data-shown"), "open": first.keeper_id}
    told = other.post(review_address("presence"), parameters).json()["viewers"]
    assert told == {str(first.keeper_id): "superuser is looking at this"}
    reviewer.browser.execute_script(POLL)
    reviewer.wait(lambda: "reviewer is looking at this" in reviewer.find(group).text)

    other.post(review_address("decide"), form_of(first, "same", keys_of(first)[1]))
    reviewer.browser.execute_script(POLL)
    reviewer.wait(lambda: "reviewer decided about this at" in reviewer.find(f"{group} [role=alert]").text)
    assert not reviewer.browser.find_elements(By.CSS_SELECTOR, f"{group} button[name]:enabled")
    assert reviewer.browser.find_elements(By.CSS_SELECTOR, f"{untouched} [name=keep]:enabled")
    decided = PairDecision.objects.count()
    reviewer.click(f"{group} [name=keep]")
    reviewer.press("n")
    assert PairDecision.objects.count() == decided

    reviewer.find(f"{group} .hashing-group__change button").click()
    reviewer.wait(lambda: reviewer.browser.find_elements(By.CSS_SELECTOR, f"{group} [name=keep]:enabled"))
    reviewer.click(f"{group} [name=keep]")
    reviewer.wait_for_message("marked as")
    assert MarkedDuplicate.objects.count() == 2


@DESKTOP
def test_comparison_says_that_somebody_else_has_decided(reviewer, add_copies, client_of):
    add_copies(copies=2)
    group, other = DuplicateGroup.objects.get(), client_of("reviewer")
    keeper, decided, shown = keys_of(group)
    reviewer.open(review_address("changelist"))
    reviewer.press("c", "j")
    reviewer.compared()
    reviewer.browser.execute_script(POLL)
    reviewer.wait(GroupViewer.objects.exists)
    other.post(review_address("decide"), form_of(group, "different", decided))
    reviewer.browser.execute_script(POLL)
    reviewer.wait(lambda: "reviewer decided about this at" in reviewer.find(".hashing-compare [role=alert]").text)
    assert not reviewer.browser.find_elements(By.CSS_SELECTOR, ".hashing-compare [data-verdict]:enabled")
    reviewer.press("s")
    assert PairDecision.objects.count() == 1
    reviewer.click(".hashing-compare__reload")
    reviewer.wait(lambda: reviewer.browser.find_elements(By.CSS_SELECTOR, ".hashing-compare [data-verdict]:enabled"))
    assert reviewer.compared_names() == [str(row) for row in (ImageAsset.objects.in_bulk([keeper, shown])).values()]
