"""Pages and commands in a language whose catalog marks each text: what is not marked cannot be translated."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import django
import polib
import pytest
from django.contrib import admin
from django.core.management import get_commands, load_command_class
from django.utils import translation

from servers.site import CHECKOUT
from tests.admin.conftest import content_of
from tests.admin.tenants import addresses, forms, routes_of
from tests.admin.test_addresses import key_of

pytestmark = [pytest.mark.any_database, pytest.mark.urls("tests.admin.tenants")]

# A language that Django knows, and this app does not.
MARKED = "eo"
MARKS = re.compile(r"⟦[^⟦⟧]*⟧")
WORD = re.compile(r"[A-Za-z]{3,}")
# Names of files, folders and users of the world of these tests, names of keys, and an alternative text of Django's.
NAMES = re.compile(r"\S+\.jpg\S*|\(Enter\)|\(Esc\)|^(?:own|secret|chief|Search)$", re.MULTILINE)
VOID = {"img", "input", "br", "link", "meta", "hr", "base", "col", "source", "wbr"}
# Names of the site and of its users, addresses and code.
NOT_TEXT = {"bdi", "code", "kbd", "script", "style", "textarea", "pre"}
DJANGO_OPTIONS = set(
    "-h --version -v --settings --pythonpath --traceback --no-color --force-color --skip-checks".split()
)
READ_ATTRIBUTES = {"title", "alt", "placeholder", "aria-label"}


def marked(text: str) -> str:
    """Mark a text outside of its placeholders, which have texts that are marked themselves."""
    return f"⟦{text}⟧" if text.strip() else text


@pytest.fixture(scope="module")
def locale(tmp_path_factory) -> Path:
    """The folder of a catalog that marks the texts of this app and of Django."""
    folder = tmp_path_factory.mktemp("locale")
    target = folder / MARKED / "LC_MESSAGES"
    target.mkdir(parents=True)
    catalog = polib.POFile()
    catalog.metadata = {"Content-Type": "text/plain; charset=UTF-8", "Plural-Forms": "nplurals=2; plural=(n != 1);"}
    own = CHECKOUT / "hashing" / "locale" / "de" / "LC_MESSAGES" / "django.po"
    for path in [own, *Path(django.__file__).parent.rglob("locale/de/LC_MESSAGES/django.po")]:
        for entry in polib.pofile(str(path)):
            entry.msgstr = marked(entry.msgid)
            entry.msgstr_plural = {0: marked(entry.msgid), 1: marked(entry.msgid_plural)} if entry.msgid_plural else {}
            entry.flags = []
            catalog.append(entry)
    catalog.save_as_mofile(str(target / "django.mo"))
    return folder


@pytest.fixture
def marking(settings, locale):
    settings.LOCALE_PATHS = [str(locale)]
    settings.LANGUAGE_CODE = MARKED
    with translation.override(MARKED):
        yield


class Texts(HTMLParser):
    """The texts of a page: that between the tags as one, because a text may contain elements, and the attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.between: list[str] = []
        self.attributes: list[str] = []
        self.feed(page)

    @property
    def unmarked(self) -> set[str]:
        """The words that are left without marks and names."""
        texts = ["\n".join(self.between), *self.attributes]
        lines = {line.strip() for text in texts for line in NAMES.sub("", without_marks(text)).splitlines()}
        return {line for line in lines if WORD.search(line)}

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.attributes += [value or "" for name, value in attrs if name in READ_ATTRIBUTES]

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if not NOT_TEXT & set(self.open):
            self.between.append(data.strip())


def without_marks(text: str) -> str:
    """Remove what is marked. Marked texts may be within others."""
    before = None
    while before != text:
        before, text = text, MARKS.sub("", text)
    return text


def test_texts_of_pages_are_marked(world, chief, marking):
    found = {}
    for route in routes_of(admin.site):
        for url, _key in addresses(route, [key_of(world, route)], "admin"):
            for response in (chief.get(url), *(chief.post(url, data) for data in forms(world, route)[:3])):
                # Django's own pages for errors are in English.
                if response.status_code == 200 and "html" in response.headers["Content-Type"]:
                    found |= dict.fromkeys(Texts(content_of(response).decode()).unmarked, route.name)
    assert found == {}


@pytest.mark.parametrize("name", [name for name, app in get_commands().items() if app == "hashing"])
def test_help_texts_are_marked(marking, name):
    parser = load_command_class("hashing", name).create_parser("manage.py", name)
    # Those of Django's own options are in English.
    own = {action for action in parser._actions if action.help and not DJANGO_OPTIONS & set(action.option_strings)}
    texts = [parser.description, *(action.help for action in own)]
    assert [text for text in texts if WORD.search(without_marks(text))] == []
