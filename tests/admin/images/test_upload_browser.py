from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from hashing.models import ImageAsset
from servers.browser import BROWSER_MARKS
from tests.admin.conftest import address, logged_in
from tests.admin.images.conftest import jpeg, upload
from tests.admin.test_browser import Editor

pytestmark = BROWSER_MARKS

CHOSEN = "return document.querySelector('[name=image]').files[0]?.name"
CACHES = "return caches.keys().then((names) => names.length)"


@pytest.fixture
def editor(browser, live_server, superuser, media) -> Iterator[Editor]:
    upload(superuser, jpeg())
    with logged_in(browser, live_server.url, superuser):
        yield Editor(browser, live_server.url)


def submit(editor: Editor, tmp_path) -> None:
    path = tmp_path / "the copy.jpg"
    path.write_bytes(jpeg() + b" ")
    editor.open(address("add"))
    editor.find("[name=image]").send_keys(str(path))
    editor.click("[name=_save]")
    WebDriverWait(editor.browser, 10).until(lambda browser: browser.execute_script(CHOSEN) == "the copy.jpg")


@pytest.mark.parametrize("browser", [1280], indirect=True)
def test_file_need_not_be_chosen_again(editor, tmp_path):
    submit(editor, tmp_path)
    assert editor.wait_for_picture(".hashing-upload-choice canvas")
    assert not editor.browser.find_elements(By.CSS_SELECTOR, ".hashing-choose-again")
    WebDriverWait(editor.browser, 10).until(lambda browser: browser.execute_script(CACHES) == 0)
    editor.click("[name=confirm_replace]")
    editor.click(".hashing-upload-choice__replace button")
    assert "The file was replaced." in editor.messages()
    here = ImageAsset.objects.get()
    assert here.image.name.endswith("the_copy.jpg")
    submit(editor, tmp_path)
    editor.click("[name=keep_both]")
    assert "added successfully" in editor.messages()
    assert ImageAsset.objects.count() == 2
    WebDriverWait(editor.browser, 10).until(lambda browser: browser.execute_script(CACHES) == 0)
