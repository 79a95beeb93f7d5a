from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from threading import Event

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import Select, WebDriverWait

from hashing.admin.deletion import views
from hashing.admin.deletion.views import DeletionViews
from hashing.backfill.run import hash_row
from hashing.models import BackfillRun, ImageAsset
from samples.pictures import encoded, photo
from servers.browser import BROWSER_MARKS, DESKTOP
from tests.admin.conftest import address, logged_in

pytestmark = BROWSER_MARKS

HASHES = {"perceptual_hash": "0123456789abcdef", "vertical_hash": "fedcba9876543210"}
SHOWN_NAMES = (
    "return Array.from(document.querySelectorAll('.hashing-cards .hashing-card__name strong'), e => e.innerText)"
)
IS_SHOWN = "return arguments[0].complete && arguments[0].naturalWidth"
IS_DRAWN = "return arguments[0].offsetWidth && arguments[0].width"


class Editor:
    """A user at the browser."""

    def __init__(self, browser: WebDriver, site: str) -> None:
        self.browser, self.site = browser, site

    def open(self, path: str) -> None:
        self.browser.get(self.site + path)

    def find(self, selector: str):
        # A click may return before its page has loaded.
        return WebDriverWait(self.browser, 10).until(
            lambda browser: browser.find_element(By.CSS_SELECTOR, selector), message=selector
        )

    def click(self, selector: str) -> None:
        # Also for elements that a small window does not show.
        self.browser.execute_script("arguments[0].click()", self.find(selector))

    def messages(self) -> str:
        found = WebDriverWait(self.browser, 30).until(
            lambda browser: browser.find_elements(By.CSS_SELECTOR, ".messagelist li")
        )
        return " ".join(item.text for item in found)

    def wait_for_picture(self, selector: str) -> int:
        """Wait until an image has loaded and return its width in pixels."""
        picture = self.find(selector)
        self.browser.execute_script("arguments[0].scrollIntoView()", picture)
        script = IS_DRAWN if picture.tag_name == "canvas" else IS_SHOWN
        return WebDriverWait(self.browser, 10).until(lambda browser: browser.execute_script(script, picture))

    def wait_for_cards(self, *names: str) -> None:
        """Wait until the results have these file names."""

        def are_shown(browser: WebDriver) -> bool:
            # In one call: between two calls, another page may load.
            return browser.execute_script(SHOWN_NAMES) == list(names)

        WebDriverWait(self.browser, 10).until(are_shown)


@pytest.fixture
def editor(browser, live_server, media, client_of) -> Iterator[Editor]:
    with logged_in(browser, live_server.url, client_of("superuser")):
        yield Editor(browser, live_server.url)


@DESKTOP
def test_upload_shows_its_preview_and_its_hash(editor, tmp_path):
    photo(size=(1200, 900)).save(tmp_path / "upload.jpg")
    editor.open(address("add"))
    editor.find("[name=image]").send_keys(str(tmp_path / "upload.jpg"))
    editor.click("[name=_continue]")
    assert "added successfully" in editor.messages()
    asset = ImageAsset.objects.get()
    assert editor.find(".field-hash code").text == asset.perceptual_hash
    assert editor.wait_for_picture(".hashing-preview--large") == 640
    editor.open(address("changelist"))
    assert editor.wait_for_picture(".hashing-preview--small") == 160


@DESKTOP
def test_hashing_by_action_button_and_row(editor, add_image, settings):
    settings.HASHING = {"ON_UPLOAD": "off"}
    add_image("first.jpg", seed=1)
    add_image("second.jpg", seed=2)
    add_image("broken.jpg", content=b"no picture")
    editor.open(address("changelist"))
    assert "3 waiting" in editor.find(".hashing-summary").text

    first = ImageAsset.objects.get(image="first.jpg")
    editor.click(f"input[name=_selected_action][value='{first.pk}']")
    Select(editor.find("select[name=action]")).select_by_value("compute_hashes")
    editor.click("button[name=index]")
    assert "1 image was hashed." in editor.messages()

    editor.click(f"a[href^='{address('hash_waiting')}']")
    assert "2 images are waiting." in editor.find(".hashing-confirm").text
    editor.click(".hashing-confirm [type=submit]")
    assert "1 image could not be hashed: broken.jpg" in editor.messages()

    editor.click(".hashing-summary a[href='?state=failed']")
    assert "not an image in a supported format" in editor.find(".field-state").text
    editor.click(".field-buttons li:last-child a")
    editor.click(".hashing-confirm [type=submit]")
    assert "1 image could not be hashed" in editor.messages()


def test_search_by_image_and_from_its_results(editor, add_image, tmp_path, settings):
    whole = photo(size=(640, 480))
    near = add_image("near.png", content=encoded(whole, "PNG"))
    far = add_image("far.png", content=encoded(whole.crop((24, 18, 616, 462)), "PNG"))
    for row in (near, far):
        hash_row(row.pk, row.image.name, "default")
        row.refresh_from_db()
    whole.resize((320, 240)).save(tmp_path / "copy.jpg")
    settings.HASHING = {"MAX_DISTANCE": 20}
    assert ImageAsset.objects.similar_to(near, 200).get().distance > 20

    editor.open(address("search_by_image"))
    editor.find("[name=image]").send_keys(str(tmp_path / "copy.jpg"))
    editor.wait_for_cards("near.png")
    assert editor.wait_for_picture(".hashing-card--uploaded canvas") == 320
    assert "#" not in editor.browser.current_url

    slider = editor.find("[name=distance]")
    slider.send_keys(Keys.END)
    editor.wait_for_cards("near.png", "far.png")
    assert editor.find("output").text == "200"
    assert "distance=200" in editor.browser.current_url
    assert editor.browser.switch_to.active_element == slider
    editor.browser.refresh()
    editor.wait_for_cards("near.png", "far.png")
    assert editor.wait_for_picture(".hashing-card--uploaded canvas") == 320

    editor.click(".hashing-cards li:last-child .hashing-card__links a")
    editor.wait_for_cards("near.png")
    assert "far.png" in editor.find(".hashing-search__query-image").text
    editor.click(".hashing-search__options [name=any_orientation]")
    WebDriverWait(editor.browser, 10).until(lambda browser: "any_orientation=on" in browser.current_url)
    editor.wait_for_cards("near.png")


@DESKTOP
def test_invalid_upload_shows_an_error(editor, tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    editor.open(address("search_by_image"))
    editor.find("[name=image]").send_keys(str(tmp_path / "text.jpg"))
    WebDriverWait(editor.browser, 10).until(lambda browser: browser.find_elements(By.CSS_SELECTOR, ".errorlist"))
    assert "not an image in a supported format" in editor.find(".errorlist").text


def add_failed(seconds_ago: float) -> None:
    moment = timezone.now() - timedelta(seconds=seconds_ago)
    ImageAsset.objects.bulk_create([ImageAsset(image=f"{seconds_ago}.jpg", hash_error="broken", hashed_at=moment)])


def add_run(**fields: str) -> None:
    now = timezone.now()
    BackfillRun.objects.create(
        **{"model_label": "hashing.ImageAsset"} | fields, total=9, started_at=now, heartbeat_at=now
    )


@pytest.mark.slow
@DESKTOP
def test_progress_refreshes_itself_and_reports_when_it_cannot(editor):
    add_failed(seconds_ago=90)
    editor.open(address("progress"))
    link = editor.find(".hashing-progress__failures a")
    editor.browser.execute_script("arguments[0].focus(); window.isTheSamePage = true", link)
    assert editor.find(".hashing-progress__headline").text == "Nothing is running, and no image is waiting."

    add_failed(seconds_ago=30)
    add_run(worker="machine:1")
    WebDriverWait(editor.browser, 30).until(
        lambda browser: len(browser.find_elements(By.CSS_SELECTOR, ".hashing-progress__failures li")) == 2
    )
    assert editor.find(".hashing-progress__headline").text == "Hashing is under way."
    assert "machine:1" in editor.find(".hashing-progress__runs").text
    assert editor.browser.switch_to.active_element == link
    assert "90.jpg" in link.text
    assert editor.browser.execute_script("return window.isTheSamePage")
    assert not editor.find(".hashing-progress__stale").text

    Session.objects.all().delete()
    WebDriverWait(editor.browser, 30).until(lambda _browser: editor.find(".hashing-progress__stale").text)
    assert "machine:1" in editor.find(".hashing-progress__runs").text


@pytest.mark.parametrize(("browser", "theme"), [(1280, "light"), (400, "dark")], indirect=["browser"])
def test_page_is_not_wider_than_the_window(editor, add_image, theme):
    add_image("a-name-that-is-much-longer-than-any-column-of-a-list-has-room-for.jpg")
    features = [{"name": "prefers-color-scheme", "value": theme}]
    editor.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    asset = ImageAsset.objects.get()
    ImageAsset.objects.bulk_create([ImageAsset(image=asset.image.name, **HASHES) for _ in range(3)])
    ImageAsset.objects.update(**HASHES)
    with_key = [address(name, asset.pk) for name in ("change", "recompute", "find_similar")]
    long = "a-name-without-end" * 12
    add_run(worker=long, model_label=long, start_pk=long, end_pk=long)
    add_failed(seconds_ago=1)
    pages = [address(name) for name in ("changelist", "search_by_image", "similar", "progress")]
    for path in (*pages, *with_key):
        editor.open(path)
        too_wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert editor.browser.execute_script(too_wide) <= 0


# As django-unfold lays out the cells of a list on a narrow screen, with the title of the column in each.
RULES_OF_A_THEME = """const sheet = document.styleSheets[0]
    sheet.insertRule("td, th.field-preview { display: flex; height: 45px; overflow: hidden }")
    sheet.insertRule("td::before, th::before { content: 'The title of a column'; margin-inline-end: auto }")"""
CUT_CELLS = """return [...document.querySelectorAll("#result_list tbody tr > *")]
    .filter((cell) => cell.scrollWidth > cell.clientWidth || cell.scrollHeight > cell.clientHeight)
    .map((cell) => cell.className)"""


@pytest.mark.parametrize("browser", [400], indirect=True)
def test_no_cell_of_a_narrow_list_is_cut_by_a_theme(editor, add_image):
    add_image()
    editor.open(address("changelist"))
    editor.browser.execute_script(RULES_OF_A_THEME)
    assert editor.browser.execute_script(CUT_CELLS) == []


@pytest.fixture
def long_deletion(editor, monkeypatch) -> Editor:
    """Confirm the deletion of 70 images in a page, of which each request deletes 20."""
    monkeypatch.setattr(views, "BATCH", 20)
    monkeypatch.setattr(views, "SHORT_SECONDS", 0.0)
    ImageAsset.objects.bulk_create(ImageAsset(image=f"{number:03}.jpg") for number in range(70))
    editor.open(address("changelist"))
    editor.click("#action-toggle")
    WebDriverWait(editor.browser, 10).until(lambda browser: editor.find(".actions .question a").is_displayed())
    editor.click(".actions .question a")
    Select(editor.find("[name=action]")).select_by_value("delete_selected")
    editor.click(".actions [type=submit]")
    return editor


@DESKTOP
def test_long_deletion_continues_by_itself(long_deletion):
    long_deletion.click(".hashing-deletion [type=submit]")
    assert "Successfully deleted 70 images." in long_deletion.messages()
    assert not ImageAsset.objects.exists()


@DESKTOP
def test_long_deletion_is_stopped_after_its_batch(long_deletion, monkeypatch):
    delete, may_go_on = DeletionViews.delete_some, Event()

    def delete_and_wait(views, request, job, *arguments):
        if job.done:
            may_go_on.wait(10)
        delete(views, request, job, *arguments)

    monkeypatch.setattr(DeletionViews, "delete_some", delete_and_wait)
    long_deletion.click(".hashing-deletion [type=submit]")
    assert "20 of 70" in long_deletion.find(".hashing-deletion__progress").text
    long_deletion.click("[name=stop]")
    assert long_deletion.find("[name=stop]").text == "Stopping after this batch…"
    may_go_on.set()
    messages = long_deletion.messages()
    assert "Successfully deleted 40 images." in messages
    assert "30 images were not deleted" in messages
    assert ImageAsset.objects.count() == 30
