from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.contrib.auth.models import User
from django.urls import reverse
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from hashing.admin.deletion.job import DeletionJob
from hashing.db.clock import Now
from hashing.grouping.decisions import decide_same
from hashing.models import DeletionRun, DuplicateGroup, ImageAsset, MarkedDuplicate, PairDecision
from samples.pictures import encoded, photo
from servers.browser import BROWSER_MARKS
from tests.admin.conftest import address, logged_in
from tests.admin.review.conftest import client_of, keys_of, review_address, store_all_groups  # noqa: F401
from tests.admin.test_browser import Editor

pytestmark = [*BROWSER_MARKS, pytest.mark.parametrize("browser", [1440], indirect=True)]

# What Django's own templates and styles draw.
OF_DJANGO = [
    "#header",
    "#nav-sidebar",
    ".breadcrumbs:not(.hashing-breadcrumbs)",
    "#changelist-search",
    ".actions",
    ".action-checkbox-column",
    ".paginator",
]
RUN_AXE = """const [excluded, rules, done] = arguments;
    const options = { resultTypes: ["violations"], preload: false, ...(rules && { runOnly: rules }) };
    axe.run({ exclude: excluded.map((selector) => [selector]) }, options).then(
        ({ violations }) => done(violations.flatMap(({ id, nodes }) => nodes.map((node) => [id, String(node.target)]))),
        (error) => done([["error", String(error)]]))"""
# Colours fade from one theme to the other, and buttons are pale while the page waits.
IS_BUSY = "return Boolean(document.querySelector('.hashing-review[aria-busy=true], [data-unseen]'))"
WITHOUT_FADING = """const sheet = new CSSStyleSheet();
    sheet.replaceSync("* { transition: none !important }");
    document.adoptedStyleSheets.push(sheet)"""


class Screen(NamedTuple):
    """`rules` are those of axe that may fail here alone; all if None."""

    width: int
    theme: str
    rules: list[str] | None = None


SCREENS = [
    Screen(1440, "light"),
    Screen(1440, "dark", ["color-contrast", "link-in-text-block"]),
    Screen(400, "light", ["color-contrast", "link-in-text-block"]),
    Screen(400, "dark"),
]


class Auditor(Editor):
    def resize(self, screen: Screen) -> None:
        metrics = {"width": screen.width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": screen.theme}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def violations(self) -> list[Any]:
        """Return what is wrong with the page that is open, on each screen."""
        WebDriverWait(self.browser, 10).until_not(lambda browser: browser.execute_script(IS_BUSY))
        self.browser.execute_script(AXE_SCRIPT)
        self.browser.execute_script(WITHOUT_FADING)
        found = []
        for screen in SCREENS:
            self.resize(screen)
            violations = self.browser.execute_async_script(RUN_AXE, OF_DJANGO, screen.rules)
            found += [(screen.width, screen.theme, *violation) for violation in violations]
        return found


@pytest.fixture
def auditor(browser: WebDriver, live_server, media, client_of) -> Iterator[Auditor]:  # noqa: F811
    with logged_in(browser, live_server.url, client_of("superuser")):
        yield Auditor(browser, live_server.url)


@pytest.fixture
def group(media, transactional_db) -> DuplicateGroup:
    """Four images of one group: the keeper, a marked duplicate and two that are undecided."""
    for width in (320, 300, 280, 260):
        (media / f"{width}.jpg").write_bytes(encoded(photo().resize((width, width * 3 // 4)), "JPEG", quality=95))
        ImageAsset.objects.create(image=f"{width}.jpg")
    ImageAsset.objects.create(image="missing.jpg")
    store_all_groups()
    group = DuplicateGroup.objects.get()
    decide_same(group, [keys_of(group)[1]], None)
    return DuplicateGroup.objects.get()


def add_stopped_deletion() -> int:
    job = DeletionJob.of([1, 2, 3])
    job.report.add_stayed("2.jpg", "it is no longer in the list")
    values = {"total": 3, "done": 1, "ended_at": Now(), "error": "disk full", "job": job.as_values()}
    user = User.objects.get(username="superuser").pk
    return DeletionRun.objects.create(
        user_pk=user, site_name="admin", model_label="hashing.MarkedDuplicate", **values
    ).pk


@pytest.mark.slow
def test_pages_have_no_violation_that_axe_finds(auditor, group):
    keeper, marked = group.keeper_id, MarkedDuplicate.objects.get().pk
    pages = {
        "groups": review_address("changelist"),
        "images": address("changelist"),
        "image": address("change", keeper),
        "search": address("search_by_image"),
        "results": address("find_similar", keeper),
        "progress": address("progress"),
        "marked duplicates": reverse("admin:hashing_markedduplicate_changelist"),
        "confirmation": reverse("admin:hashing_markedduplicate_delete", args=(marked,)),
        "deletion": reverse("admin:hashing_markedduplicate_deletion", args=(add_stopped_deletion(),)),
        "keeper rules": f"{review_address('keeper_rules')}?criteria=bytes",
        "decisions": reverse("admin:hashing_pairdecision_changelist"),
        "take back": reverse("admin:hashing_pairdecision_delete", args=(PairDecision.objects.get().pk,)),
    }
    found = {}
    for name, path in pages.items():
        auditor.open(path)
        found[name] = auditor.violations()
    assert {name: violations for name, violations in found.items() if violations} == {}


def test_pages_that_a_form_leads_to_have_no_violation_that_axe_finds(auditor, group, media):
    found = {}
    auditor.open(address("add"))
    auditor.find("[name=image]").send_keys(str(media / "320.jpg"))
    auditor.click("[name=_save]")
    auditor.find(".hashing-upload-choice")
    found["upload choice"] = auditor.violations()
    auditor.click("[formaction]")
    auditor.find("form.hashing-upload-choice")
    found["replace"] = auditor.violations()
    ImageAsset.objects.update(file_digest="0" * 64)
    auditor.open(review_address("identical_files"))
    found["equal files"] = auditor.violations()
    auditor.click("[name=left_out]")
    auditor.click(".hashing-identical .default")
    auditor.find("[name=confirmed]")
    found["confirmation"] = auditor.violations()
    assert {name: violations for name, violations in found.items() if violations} == {}


def test_group_and_its_dialogs_have_no_violation_that_axe_finds(auditor, group):
    auditor.open(review_address("of", group.keeper_id))
    auditor.click("[name=image]")
    found = {"group": auditor.violations()}
    for name, selector in (("compare", ".hashing-member__compare"), ("keys", ".hashing-controls__help")):
        auditor.click(selector)
        auditor.find("dialog[open]")
        found[name] = auditor.violations()
        auditor.browser.execute_script("document.querySelector('dialog[open]').close()")
    assert {name: violations for name, violations in found.items() if violations} == {}
