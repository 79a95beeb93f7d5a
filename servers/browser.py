"""Headless Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.remote.webdriver import WebDriver

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")

BROWSER_MARKS = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.needs("a browser: chromium and chromium-driver", lambda: BROWSER and DRIVER),
    # In one process of xdist, where they share their browsers.
    pytest.mark.xdist_group("browser"),
    # Chromium's driver leaves its sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
# For tests of what does not depend on the width of the window.
DESKTOP = pytest.mark.parametrize("browser", [1280], indirect=True)
# The last one lets one process show one page after another. Without it, most pages start a process.
FLAGS = (
    "--headless=new --no-sandbox --disable-dev-shm-usage --disable-gpu --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --disable-site-isolation-trials"
)
HEIGHT = 900


@contextmanager
def started_browser(profile: Path) -> Iterator[WebDriver]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for flag in (*FLAGS.split(), f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    driver.set_page_load_timeout(30)
    try:
        yield driver
    finally:
        driver.quit()


def reset_window(driver: WebDriver, width: int) -> None:
    """Give the window this width, and undo what the last test has set for its pages."""
    driver.set_window_size(width, HEIGHT)
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def forget_site(driver: WebDriver, site: str) -> None:
    """Delete the cookies and all else that a site has stored, as the size of cards that somebody has chosen."""
    driver.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": site, "storageTypes": "all"})
