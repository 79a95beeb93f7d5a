from __future__ import annotations

from collections.abc import Iterator

import pytest
from PIL import ExifTags, Image, ImageOps
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from hashing.models import ImageAsset
from samples.pictures import encoded, photo
from tests.admin.conftest import logged_in
from tests.admin.review.conftest import store_all_groups
from tests.admin.test_browser import Editor

SECONDS = 10
FOCUSED = "return Number(document.activeElement.closest('.hashing-member')?.dataset.image)"
# A picture far below the window is not loaded.
IS_SHOWN = """const compared = document.querySelector(".hashing-compare[open] [data-image][aria-current=true]")
    const card = compared && document.querySelector(`.hashing-member[data-image="${compared.dataset.image}"]`)
    const group = (card ?? document.activeElement).closest(".hashing-group")
    const isBusy = document.querySelector(".hashing-review").ariaBusy === "true"
    return !isBusy && !group?.querySelector("[data-unseen]")"""
COMPARISON = """const { mode, shown } = document.querySelector('.hashing-compare').dataset
    return { mode, shown }"""
COMPARED = """return [...document.querySelectorAll('.hashing-compare__caption button')]
    .map((button) => button.title)"""
# After two frames, the browser has drawn what the scripts have placed.
WHEN_DRAWN = """const done = arguments[arguments.length - 1]
    const views = () => [...document.querySelectorAll('.hashing-compare__view')]
    const isLoaded = () => views().every((view) => ['original', 'failed'].includes(view.dataset.state))
    const wait = (frames) => requestAnimationFrame(() => frames ? wait(isLoaded() ? frames - 1 : 3) : done())
    wait(3)"""


class Reviewer(Editor):
    """A user at the keyboard, on a page of the review."""

    def press(self, *keys: str) -> None:
        for key in keys:
            self.wait_until_shown()
            self.send(key)

    def send(self, *keys: str) -> None:
        """Press keys at once, whether or not the page accepts decisions."""
        ActionChains(self.browser).send_keys(*keys).perform()

    def click(self, selector: str) -> None:
        self.wait_until_shown()
        super().click(selector)

    def wait_until_shown(self) -> None:
        """Wait until the page accepts decisions: not before a new group can have been seen."""
        self.wait(lambda: self.browser.execute_script(IS_SHOWN))

    def wait(self, condition):
        # An element may be replaced while a condition reads it, which the driver reports in several ways.
        waiting = WebDriverWait(self.browser, SECONDS, 0.05, ignored_exceptions=[WebDriverException])
        return waiting.until(lambda _browser: condition())

    def wait_for_focus(self, key: int) -> None:
        self.wait(lambda: self.browser.execute_script(FOCUSED) == key)

    def wait_for_message(self, text: str) -> None:
        self.wait(lambda: text in self.find(".hashing-toolbar__message").text)

    def shown(self, selector: str = ".hashing-member") -> list[int]:
        cards = self.browser.find_elements(By.CSS_SELECTOR, selector)
        return [int(card.get_attribute("data-image")) for card in cards]

    def selected(self) -> list[int]:
        boxes = self.browser.find_elements(By.CSS_SELECTOR, "[name=image]:checked")
        return [int(box.get_attribute("value")) for box in boxes]

    def compared(self) -> dict[str, str]:
        """Return what the comparison shows, when both originals are there."""
        self.browser.execute_async_script(WHEN_DRAWN)
        return self.browser.execute_script(COMPARISON)

    def compared_names(self) -> list[str]:
        return self.browser.execute_script(COMPARED)

    def stop_polling(self) -> None:
        """Let the page not hear of what others decide."""
        self.browser.execute_script("document.querySelector('.hashing-review').dataset.presenceUrl = '/nowhere/'")

    def is_comparing(self) -> bool:
        return bool(self.browser.find_elements(By.CSS_SELECTOR, ".hashing-compare[open]"))


@pytest.fixture
def reviewer(browser, live_server, media, client_of) -> Iterator[Reviewer]:
    with logged_in(browser, live_server.url, client_of("superuser")):
        yield Reviewer(browser, live_server.url)


def lying(image: Image.Image, orientation: int) -> Image.Image:
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return ImageOps.exif_transpose(image)


@pytest.fixture
def add_copies(media, transactional_db):
    """Add a photograph, smaller copies of it and one in each of the orientations, and group them."""

    def add(number: int = 1, copies: int = 1, orientations: tuple[int, ...] = (), name: str = "photo") -> list[int]:
        image = photo(seed=number, size=(640, 480))
        files = [image, *(image.resize((320 - 4 * each, 240 - 3 * each)) for each in range(copies))]
        files += [lying(image.resize((320, 240)), orientation) for orientation in orientations]
        keys = []
        for place, file in enumerate(files):
            path = media / f"{number}" / f"{name}-{place}.jpg"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(encoded(file, "JPEG", quality=95))
            keys.append(ImageAsset.objects.create(image=f"{number}/{path.name}").pk)
        store_all_groups()
        return keys

    return add


def names_of(*keys: int) -> list[str]:
    rows = ImageAsset.objects.in_bulk(keys)
    return [str(rows[key]) for key in keys]
