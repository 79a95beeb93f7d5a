from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from hashing.models import ImageAsset
from samples.pictures import encoded, photo
from servers.browser import BROWSER_MARKS, DESKTOP
from tests.admin.review.conftest import review_address, store_all_groups

pytestmark = BROWSER_MARKS

RECTANGLES = """return [...document.querySelectorAll('.hashing-compare__picture')].map((figure) => {
    const { left, top, width, height } = figure.getBoundingClientRect()
    return [left, top, width, height].map(Math.round)
})"""
STAGE = """const { left, top, width } = document.querySelector('.hashing-compare__stage').getBoundingClientRect()
    return [left, top, width].map(Math.round)"""
NATURAL_WIDTHS = (
    """return [...document.querySelectorAll('.hashing-compare__original')].map((image) => image.naturalWidth)"""
)
NOTES = "return [...document.querySelectorAll('.hashing-compare__note')].map((note) => note.textContent)"


def scale(reviewer) -> str:
    return reviewer.find(".hashing-compare__scale").text


def rectangles(reviewer) -> list[list[int]]:
    reviewer.compared()
    return reviewer.browser.execute_script(RECTANGLES)


def stage_pixels(reviewer) -> np.ndarray:
    reviewer.compared()
    return np.asarray(Image.open(io.BytesIO(reviewer.find(".hashing-compare__stage").screenshot_as_png)).convert("RGB"))


@pytest.fixture
def add_files(media, transactional_db):
    """Add files with the same picture, and group them."""

    def add(**files: bytes | None) -> list[ImageAsset]:
        rows = []
        for name, content in files.items():
            path = media / name.replace("_", ".")
            path.write_bytes(content or encoded(photo(size=(640, 480)), "JPEG"))
            rows.append(ImageAsset.objects.create(image=path.name))
            if content is None:
                path.unlink()
        store_all_groups()
        return rows

    return add


def test_click_on_a_picture_shows_the_original(reviewer, add_copies):
    add_copies()
    reviewer.open(review_address("changelist"))
    reviewer.browser.execute_script("document.querySelector('.hashing-member__picture').click()")
    assert reviewer.compared() == {"mode": "flip", "shown": "first"}
    assert reviewer.browser.execute_script(NATURAL_WIDTHS) == [640, 320]
    assert reviewer.browser.execute_script(NOTES) == ["", ""]


@DESKTOP
def test_a_framed_copy_lies_with_its_picture_over_the_original(reviewer, add_files):
    whole = photo(size=(640, 480))
    padded = ImageOps.expand(whole, (0, 80), "white")
    add_files(original_png=encoded(whole, "PNG"), padded_png=encoded(padded, "PNG"))
    reviewer.open(review_address("changelist"))
    outline = reviewer.find(".hashing-member__outline rect")
    picture = reviewer.find(".hashing-member--open .hashing-preview")
    assert outline.rect["height"] == pytest.approx(picture.rect["height"] * 0.75, abs=4)
    assert outline.rect["y"] == pytest.approx(picture.rect["y"] + picture.rect["height"] * 0.125, abs=3)
    reviewer.press("z", "1")
    first, second = rectangles(reviewer)
    assert first[2:] == [640, 480]
    assert second == pytest.approx([first[0], first[1] - 80, 640, 640], abs=4)


@DESKTOP
def test_both_images_show_the_same_spot_at_every_scale(reviewer, add_copies):
    add_copies(orientations=(6,))
    reviewer.open(review_address("changelist"))
    reviewer.press("z", "1")
    first, second = rectangles(reviewer)
    assert scale(reviewer) == "100%"
    assert first == second
    assert first[2:] == [640, 480]
    reviewer.press(Keys.SPACE)
    assert rectangles(reviewer) == [first, second]
    assert scale(reviewer) == "200%"
    reviewer.press("+", "+", "+", "+")
    ActionChains(reviewer.browser).key_down(Keys.SHIFT).send_keys(Keys.ARROW_RIGHT).key_up(Keys.SHIFT).perform()
    moved = rectangles(reviewer)
    assert moved[0] == moved[1]
    assert moved[0][2] > 3000
    reviewer.press(Keys.ARROW_RIGHT)
    assert rectangles(reviewer) == moved
    reviewer.press("0")
    assert rectangles(reviewer)[0][2:] == [640, 480]


@DESKTOP
def test_wheel_zooms_around_the_pointer_and_dragging_moves(reviewer, add_copies):
    add_copies()
    reviewer.open(review_address("changelist"))
    reviewer.press("z", "1", "+", "+", "+")
    [left, _top, width, _height], _second = rectangles(reviewer)
    stage = reviewer.find(".hashing-compare__stage")
    across = stage.rect["x"] + stage.rect["width"] / 2 + 100
    actions = ActionChains(reviewer.browser)
    actions.move_to_element_with_offset(stage, 100, 50).perform()
    reviewer.browser.execute_script(
        "arguments[0].dispatchEvent(new WheelEvent('wheel', "
        "{ deltaY: -300, clientX: arguments[1], clientY: 300, bubbles: true, cancelable: true }))",
        stage,
        across,
    )
    [new_left, _top, new_width, _height], _second = rectangles(reviewer)
    assert new_width > width
    assert (across - new_left) / new_width == pytest.approx((across - left) / width, abs=0.002)
    ActionChains(reviewer.browser).move_to_element(stage).click_and_hold().move_by_offset(60, 0).release().perform()
    assert rectangles(reviewer)[0][0] == pytest.approx(new_left + 60, abs=1)
    assert reviewer.compared()["shown"] == "first"


@DESKTOP
def test_panorama_is_seen_as_a_whole_and_a_long_screenshot_at_its_width(reviewer, add_files):
    for number, (width, height) in enumerate([(4000, 200), (200, 4000)]):
        long = photo(seed=number, size=(width, height))
        half = long.resize((width // 2, height // 2))
        add_files(**{f"long{number}_jpg": encoded(long, "JPEG"), f"half{number}_jpg": encoded(half, "JPEG")})
    reviewer.open(review_address("changelist"))
    for _group in range(2):
        reviewer.press("z")
        [[left, top, width, height], _second] = rectangles(reviewer)
        stage_left, stage_top, stage_width = reviewer.browser.execute_script(STAGE)
        if width > height:
            assert (left, width) == (stage_left, stage_width)
            reviewer.press("9")
            assert rectangles(reviewer)[0][3] == 200
        else:
            assert (top, width, scale(reviewer)) == (stage_top, 200, "100%")
        reviewer.press(Keys.ESCAPE, "g")


@DESKTOP
def test_images_are_fitted_again_where_a_mode_has_less_room(reviewer, add_files):
    image = photo(size=(2000, 1000))
    add_files(large_jpg=encoded(image, "JPEG"), half_jpg=encoded(image.resize((1000, 500)), "JPEG"))
    reviewer.open(review_address("changelist"))
    reviewer.press("c", "f")
    rectangles(reviewer)
    reviewer.press("t")
    first, second = rectangles(reviewer)
    assert first[2] == second[2] == pytest.approx(reviewer.browser.execute_script(STAGE)[2] / 2, abs=3)


@DESKTOP
def test_missing_file_is_called_missing(reviewer, add_files):
    add_files(there_jpg=encoded(photo(size=(640, 480)).resize((320, 240)), "JPEG"), missing_jpg=None)
    reviewer.open(review_address("changelist"))
    reviewer.press("c", "t")
    reviewer.compared()
    assert sorted(reviewer.browser.execute_script(NOTES)) == ["", "The file is missing."]
    failed = reviewer.find("[data-state=failed] .hashing-compare__preview")
    assert not failed.get_attribute("src")


@DESKTOP
def test_what_a_browser_does_not_show_is_said_not_to_be_the_original(reviewer, add_files):
    add_files(
        scan_tif=encoded(photo(size=(640, 480)), "TIFF"),
        web_jpg=encoded(photo(size=(640, 480)).resize((320, 240)), "JPEG"),
    )
    reviewer.open(review_address("changelist"))
    reviewer.press("c", "t")
    reviewer.compared()
    notes = reviewer.browser.execute_script(NOTES)
    assert any("Not the original" in note and "white" not in note for note in notes)
    assert sorted(reviewer.browser.execute_script(NATURAL_WIDTHS)) == [320, 640]


@DESKTOP
def test_transparency_is_visible_or_said_to_be_white(reviewer, add_files):
    image = photo(size=(640, 480)).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 200, 200))
    flat = Image.new("RGB", image.size, "white")
    flat.paste(image, mask=image)
    add_files(cutout_png=encoded(image, "PNG"), scan_tif=encoded(image.resize((320, 240)), "TIFF"))
    reviewer.open(review_address("changelist"))
    reviewer.wait_for_picture(".hashing-member__picture img")
    card = Image.open(io.BytesIO(reviewer.find(".hashing-member__picture").screenshot_as_png)).convert("L")
    corner = np.asarray(card)[2 : card.height // 4, card.width // 6 : card.width // 4]
    assert set(np.unique(corner)) >= {0xBB, 0xFF}
    reviewer.press("z", "0")
    reviewer.compared()
    assert any(note.endswith("What is transparent is white.") for note in reviewer.browser.execute_script(NOTES))
    [[left, top, width, height], _second] = rectangles(reviewer)
    stage = reviewer.find(".hashing-compare__stage").rect
    column, row = round(left - stage["x"]), round(top - stage["y"])
    corner = stage_pixels(reviewer)[row + 5 : row + height // 5, column + 5 : column + width // 5]
    assert set(np.unique(corner)) >= {0xBB, 0xFF}


@DESKTOP
def test_divider_is_moved_by_keys_and_by_dragging(reviewer, add_copies):
    add_copies()
    reviewer.open(review_address("changelist"))
    reviewer.press("c", "w")
    divider = reviewer.find(".hashing-compare__divider")
    reviewer.browser.execute_script("arguments[0].focus()", divider)
    reviewer.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert divider.get_attribute("aria-valuenow") == "52"
    reviewer.press(Keys.HOME)
    assert divider.get_attribute("aria-valuenow") == "0"
    reviewer.press(Keys.END)
    stage = reviewer.find(".hashing-compare__stage").rect
    ActionChains(reviewer.browser).drag_and_drop_by_offset(divider, round(-stage["width"] / 4) + 8, 0).perform()
    assert 70 <= int(divider.get_attribute("aria-valuenow")) <= 80
    views = reviewer.browser.find_elements(By.CSS_SELECTOR, ".hashing-compare__view")
    assert all("inset" in view.value_of_css_property("clip-path") for view in views)
