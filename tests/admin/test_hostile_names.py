"""Pages with names that an attacker has chosen, in a browser and under a strict content security policy."""

from __future__ import annotations

import pytest
from django.contrib.admin import site

from servers.browser import BROWSER_MARKS
from tests.admin.conftest import log_in, logged_in
from tests.admin.hostile_names import give_hostile_names
from tests.admin.tenants import addresses, make_world, routes_of

pytestmark = BROWSER_MARKS
READ_ONLY = ("changelist", "change", "history", "delete", "recompute", "find_similar", "progress", "index", "app_list")
PAGES = [route for route in routes_of(site) if route.name.endswith(READ_ONLY)]


# Whether a name was run, how many elements names have made, which names can turn the text around them, whether all fit.
FINDINGS = """
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const turning = [];
while (walker.nextNode()) {
  const isolated = walker.currentNode.parentElement.closest("bdi, option, script, style");
  if (walker.currentNode.data.includes("\\u202e") && !isolated) turning.push(walker.currentNode.data);
}
const made = document.querySelectorAll("img[src=x], script:not([src]):not([type='application/json'])").length;
const page = document.documentElement;
return [Boolean(window.isHacked), made, turning, page.scrollWidth <= page.clientWidth];
"""


@pytest.mark.parametrize("browser", [400], indirect=True)
def test_names_are_text_on_every_page(browser, live_server, media):
    world = make_world(media)
    give_hostile_names(world)
    browser.get_log("browser")
    with logged_in(browser, live_server.url, log_in(world.chief)):
        for route in PAGES:
            for url, _key in addresses(route, [world.own["1-1"].pk, 1], "admin"):
                browser.get(live_server.url + url)
                found = browser.execute_script(FINDINGS)
                assert found == [False, 0, [], True], url
                complaints = [entry["message"] for entry in browser.get_log("browser")]
                assert not [each for each in complaints if "Content Security Policy" in each], url
