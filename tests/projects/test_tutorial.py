"""The tutorial, followed to the letter: all its files are written and all its commands are run, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from servers.redis import find_free_port
from servers.site import CHECKOUT, wait_until
from tests.projects.conftest import OWN_VARIABLES, run

pytestmark = [
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="the same on every database, and slow"),
    pytest.mark.slow,
    pytest.mark.xdist_group("projects"),
]

PAGE = (CHECKOUT / "docs" / "tutorial.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
# The first line of a file names it.
NAME = re.compile(r"(?:# |<!-- )(?P<is_end>at the end of )?(?P<path>[\w/]+\.(?:py|html))(?: -->)?\n")
# The environment is there, and the server is started by the tests that visit it.
NOT_RUN = {
    "mkdir tutorial && cd tutorial",
    "python3 -m venv .venv",
    ". .venv/bin/activate",
    "pip install django-imagesearch",
    "python manage.py runserver",
}


@dataclass
class Tutorial:
    python: Path
    folder: Path
    not_run: set[str] = field(default_factory=set)
    missing: list[str] = field(default_factory=list)

    def follow(self) -> None:
        for language, text in BLOCKS:
            if language == "console":
                for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
                    self._run(command, shown.splitlines())
            elif language != "text":
                self._write(text)

    def _write(self, text: str) -> None:
        name = NAME.match(text)
        assert name, text
        path = self.folder / name["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text() if name["is_end"] else ""
        path.write_text(before + text)

    def _run(self, command: str, shown: list[str]) -> None:
        if command in NOT_RUN:
            self.not_run.add(command)
            return
        programs = f"{self.python.parent}{os.pathsep}{os.environ['PATH']}"
        printed = run("bash", "-c", command, cwd=self.folder, PATH=programs).splitlines()
        self.missing += [line for line in shown if line not in printed]


@dataclass
class Browser:
    address: str
    session: requests.Session

    def open(self, path: str) -> str:
        return self._read(self.session.get(self.address + path))

    def send(self, path: str, upload: Path | None = None, **fields: str) -> str:
        self.open(path)
        fields["csrfmiddlewaretoken"] = self.session.cookies["csrftoken"]
        files = {"image": (upload.name, upload.read_bytes())} if upload else None
        return self._read(self.session.post(self.address + path, fields, files=files))

    def _read(self, response: requests.Response) -> str:
        assert response.status_code == 200, response.text
        return response.text


@pytest.fixture(scope="module")
def tutorial(python, tmp_path_factory) -> Tutorial:
    followed = Tutorial(python, tmp_path_factory.mktemp("tutorial"))
    followed.follow()
    return followed


@pytest.fixture(scope="module")
def editor(tutorial) -> Iterator[Browser]:
    """Someone who has logged in as the page says, at the site of the tutorial."""
    port = find_free_port()
    command = [tutorial.python, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
    inherited = {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}
    output = (tutorial.folder / "server.log").open("w")
    with output, subprocess.Popen(command, cwd=tutorial.folder, env=inherited, stdout=output, stderr=output) as server:
        browser = Browser(f"http://127.0.0.1:{port}", requests.Session())
        try:
            wait_until(lambda: is_up(browser))
            browser.send("/admin/login/?next=/admin/", username="editor", password="tutorial")
            yield browser
        finally:
            server.terminate()


def is_up(browser: Browser) -> bool:
    try:
        return bool(browser.open("/admin/login/"))
    except requests.ConnectionError:
        return False


def test_commands_print_what_the_page_shows(tutorial):
    assert tutorial.missing == []
    assert tutorial.not_run == NOT_RUN


def test_the_pages_show_what_the_tutorial_says(editor, tutorial):
    # In this order: an upload that is saved makes another group.
    see_the_groups(editor)
    upload_a_picture_that_is_here(editor, tutorial.folder / "upload.jpg")


def see_the_groups(editor: Browser) -> None:
    assert "3 groups of duplicates to review" in editor.open("/admin/")
    page = editor.open("/admin/hashing/duplicategroup/")
    assert all(f"{copy}.jpg" in page for copy in re.findall(r"copy-of-[\w-]+", PAGE))


def upload_a_picture_that_is_here(editor: Browser, upload: Path) -> None:
    [(_language, shown)] = [block for block in BLOCKS if block[0] == "text"]
    asked = editor.send("/upload/", upload, title="new")
    assert shown.strip() in re.sub("<[^>]*>", "", asked)
    saved = editor.send("/upload/", upload, title="new", confirm_similar_picture="on")
    assert "<h1>new</h1>" in saved
    assert ">picture-4</a>, distance" in saved
