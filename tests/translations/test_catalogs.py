"""The catalogs of translations: whole, with the same placeholders as the code, and compiled."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter

import polib
import pytest

from servers.site import CHECKOUT

pytestmark = pytest.mark.any_database

LOCALE = CHECKOUT / "hashing" / "locale"
LANGUAGES = ["ar", "de", "fr"]
PLACEHOLDER = re.compile(r"%\(\w+\)[.\d]*[a-z]|\{\w*\}|%%|</?\w+[^>]*>")


def catalog_of(language: str) -> polib.POFile:
    return polib.pofile(str(LOCALE / language / "LC_MESSAGES" / "django.po"))


def forms_of(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


@pytest.fixture(scope="module", params=LANGUAGES)
def catalog(request) -> polib.POFile:
    return catalog_of(request.param)


def test_languages_are_those_of_the_folder():
    assert sorted(path.name for path in LOCALE.iterdir()) == LANGUAGES


def test_every_text_is_translated(catalog):
    assert [entry.msgid for entry in catalog if entry.fuzzy or not all(forms_of(entry))] == []


def test_translations_have_the_placeholders_and_elements_of_the_text(catalog):
    differing = []
    for entry in catalog:
        expected = Counter(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
        differing += [text for text in forms_of(entry) if Counter(PLACEHOLDER.findall(text)) != expected]
    assert differing == []


def test_every_plural_form_of_the_language_is_there(catalog):
    number = int(re.search(r"nplurals=(\d)", catalog.metadata["Plural-Forms"]).group(1))
    assert [entry.msgid for entry in catalog if entry.msgid_plural and len(entry.msgstr_plural) != number] == []


def test_translations_begin_and_end_as_the_text_does(catalog):
    def ends(text: str) -> tuple[bool, bool]:
        return text[:1].isspace(), text[-1:].isspace()

    assert [text for entry in catalog for text in forms_of(entry) if ends(text) != ends(entry.msgid)] == []


def test_catalogs_are_compiled(catalog):
    compiled = polib.mofile(catalog.fpath.replace(".po", ".mo"))
    assert {entry.msgid_with_context: forms_of(entry) for entry in compiled} == {
        entry.msgid_with_context: forms_of(entry) for entry in catalog
    }


@pytest.mark.needs("GNU gettext", lambda: shutil.which("xgettext"))
def test_catalogs_have_the_texts_of_the_code(tmp_path):
    shutil.copytree(CHECKOUT / "hashing", tmp_path / "hashing", ignore=shutil.ignore_patterns("locale", "__pycache__"))
    (tmp_path / "hashing" / "locale").mkdir()
    command = [sys.executable, "-m", "django", "makemessages", "--locale", "de", "--no-location", "--verbosity", "0"]
    without_site = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    subprocess.run(command, cwd=tmp_path / "hashing", env=without_site, check=True, timeout=120)
    found = polib.pofile(str(tmp_path / "hashing" / "locale" / "de" / "LC_MESSAGES" / "django.po"))
    texts = {(entry.msgid_with_context, entry.msgid_plural) for entry in found}
    for language in LANGUAGES:
        kept = {(entry.msgid_with_context, entry.msgid_plural) for entry in catalog_of(language)}
        assert texts ^ kept == set(), f"run make messages, and translate into {language}"
