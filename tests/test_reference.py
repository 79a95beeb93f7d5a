"""The pages of docs/reference/ name everything that is public, with its defaults, and nothing that does not exist."""

from __future__ import annotations

import argparse
import re
from importlib import import_module

import pytest
from django.core.management import BaseCommand, get_commands, load_command_class
from django.dispatch import Signal

from hashing import signals
from hashing.admin.review.verdicts import VERDICTS
from hashing.conf import KNOWN_KEYS, hashing_settings
from hashing.models import ImageAsset
from tests.checks.test_messages import IDS
from tests.test_docs import COMMANDS, TEXT, snippets

pytestmark = pytest.mark.any_database

COMMANDS_OF_THE_APP = sorted(name for name, app in get_commands().items() if app == "hashing")
# Sent by the app to itself.
OWN_SIGNALS = {"file_saved", "files_replaced", "images_tried", "upload_tried"}
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")


def rows(page: str, header: str) -> list[list[str]]:
    """Return the cells of all tables of a page whose first heading matches `header`."""
    tables = re.findall(rf"^\| {header} \|.*\n\|[-:| ]+\|\n((?:\|.*\n)+)", TEXT[page], re.MULTILINE)
    return [re.split(r" *(?<!\\)\| *", line)[1:-1] for table in tables for line in table.splitlines()]


def code(text: str) -> list[str]:
    """Return the names in backticks, without arguments and options."""
    return re.findall(r"`([A-Za-z_]\w*)(?:\([^`]*)?`", text)


def options_of(command: str) -> dict[str, argparse.Action]:
    """Return the options that a command adds to those of all of Django's commands."""
    parser = load_command_class("hashing", command).create_parser("manage.py", command)
    common = BaseCommand().create_parser("manage.py", command)._option_string_actions
    return {name: action for name, action in parser._option_string_actions.items() if name not in common}


def default_numbers(texts: list[str]) -> set[float]:
    return {float(number) for text in texts for number in NUMBER.findall(text)}


def test_settings_are_the_defaults(settings):
    del settings.HASHING
    [snippet] = snippets("reference/settings.md", "HASHING = {\n")
    names: dict[str, dict[str, object]] = {}
    exec(snippet, names)
    defaults = {key: getattr(hashing_settings(), key) for key in KNOWN_KEYS}
    shown = {key: tuple(value) if isinstance(value, list) else value for key, value in names["HASHING"].items()}
    assert shown == defaults


@pytest.mark.parametrize("page", TEXT)
def test_settings_and_checks_that_pages_name_exist(page):
    assert set(re.findall(r"HASHING\[\"(\w+)\"\]", TEXT[page])) <= set(KNOWN_KEYS)
    assert set(re.findall(r"\bhashing\.([EW]\d+)", TEXT[page])) <= IDS


def test_every_command_is_shown():
    assert sorted({line.split()[0] for _page, line in COMMANDS}) == COMMANDS_OF_THE_APP
    headings = re.findall(r"^## (\w+)$", TEXT["reference/commands.md"], re.MULTILINE)
    assert sorted(headings) == COMMANDS_OF_THE_APP


@pytest.mark.parametrize("command", COMMANDS_OF_THE_APP)
def test_the_tables_have_all_options_of_a_command_and_their_defaults(command):
    options = options_of(command)
    defaults: dict[str, list[str]] = {}
    for first, *_others, default in rows("reference/commands.md", f"option of `{command}`"):
        for name in re.findall(r"--[a-z][a-z-]+", first):
            defaults.setdefault(name, []).append(default)
    assert sorted(defaults) == sorted(options)
    # The help names the number of cores of this machine.
    for name in options.keys() - {"--workers"}:
        text = str(options[name].help).replace("%(default)s", str(options[name].default))
        said = re.findall(r"\(default: (.*)\)$", text)
        assert default_numbers(defaults[name]) == default_numbers(said), name


def test_options_that_the_page_names_exist():
    known = {name for command in COMMANDS_OF_THE_APP for name in options_of(command)}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT["reference/commands.md"])) <= known


def test_every_signal_is_in_the_table():
    sent = {name for name, value in vars(signals).items() if isinstance(value, Signal)}
    assert sorted(code("".join(first for first, *_ in rows("reference/python.md", "signal")))) == sorted(
        sent - OWN_SIGNALS
    )


def test_the_table_of_modules_has_their_public_names():
    found = {}
    for module, names, _link in rows("reference/python.md", "module"):
        [name] = re.findall(r"`([\w.]+)`", module)
        assert name not in found
        found[name] = code(names)
        assert [each for each in found[name] if not hasattr(import_module(name), each)] == []
    for name in ("hashing", "hashing.forms", "hashing.perceptual_hash", "hashing.rest_framework", "hashing.sources"):
        assert sorted(found[name]) == sorted(set(import_module(name).__all__) - {"__version__"})


def test_the_table_of_columns_has_those_of_an_asset():
    shown = [name for first, *_ in rows("reference/python.md", "column") for name in code(first)]
    assert sorted(shown) == sorted(field.name for field in ImageAsset._meta.concrete_fields if not field.primary_key)


def test_methods_of_the_queryset_exist():
    shown = [name for first, *_ in rows("reference/python.md", "method of the queryset") for name in code(first)]
    assert shown
    assert [name for name in shown if not hasattr(ImageAsset.objects, name)] == []


def test_the_page_for_editors_has_all_verdicts_and_their_keys():
    shown = {verdict: key.strip("`") for verdict, key, _meaning in rows("how-to/reviewing.md", "verdict")}
    assert shown == {str(each.label): each.key for each in VERDICTS}


@pytest.mark.parametrize("page", TEXT)
def test_names_that_pages_import_exist(page):
    for module, names in re.findall(r"^ *from (hashing[\w.]*) import ([\w, ]+)", TEXT[page], re.MULTILINE):
        for name in names.split(", "):
            assert hasattr(import_module(module), name), f"{module}.{name}"


@pytest.mark.parametrize("page", TEXT)
def test_modules_and_names_that_pages_write_in_full_exist(page):
    for path in re.findall(r"`(hashing(?:\.[a-z_]+)+(?:\.[A-Z]\w+)?)[`(]", TEXT[page]):
        module, _, name = path.rpartition(".")
        try:
            import_module(path)
        except ModuleNotFoundError:
            assert hasattr(import_module(module), name), path
