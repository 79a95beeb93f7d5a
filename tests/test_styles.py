"""The style sheets work without the variables of Django's theme, and from right to left."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from servers.site import CHECKOUT

SHEETS = sorted((CHECKOUT / "hashing" / "static").rglob("*.css"))
TEXT = {sheet.name: re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL) for sheet in SHEETS}
SIDES = re.compile(
    r"[{;\s](?:(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)[\w-]*|left|right"
    r"|border-(?:top|bottom)-(?:left|right)-radius)\s*:|(?:text-align|float|clear)\s*:\s*(?:left|right)"
)


def own_variables() -> set[str]:
    """Return the variables that the style sheets define or the scripts set."""
    scripts = "".join(path.read_text() for path in (CHECKOUT / "hashing" / "static").rglob("*.js"))
    set_by_script = re.findall(r'setProperty\("(--[\w-]+)"', scripts)
    return {*re.findall(r"(--[\w-]+)\s*:", "".join(TEXT.values())), *set_by_script}


@pytest.mark.parametrize("name", TEXT)
def test_every_variable_is_our_own_or_has_a_fallback(name):
    without_fallback = set(re.findall(r"var\((--[\w-]+)\)", TEXT[name]))
    assert without_fallback <= own_variables()


def test_our_own_variables_are_in_the_sheet_that_is_on_every_page():
    defined = set(re.findall(r"(--hashing-[\w-]+)\s*:", TEXT["admin.css"]))
    used = set(re.findall(r"var\((--hashing-[\w-]+)", "".join(TEXT.values())))
    assert used == defined


@pytest.mark.parametrize("name", TEXT)
def test_no_property_names_a_side(name):
    assert SIDES.findall(TEXT[name]) == []
    # Four values are right and left too, unless these are equal, as of what is centred by its corner.
    boxes = re.findall(r"(?:margin|padding|border-width|border-radius)\s*:\s*([^;}]+)", TEXT[name])
    uneven = [box for box in boxes if len(values := box.split()) == 4 and values[1] != values[3]]
    assert uneven == []


def test_every_link_that_looks_like_a_button_has_a_look_of_our_own():
    for template in (CHECKOUT / "hashing" / "templates").rglob("*.html"):
        for classes in re.findall(r'class="(button[^"]*)"', Path(template).read_text()):
            assert "hashing-button" in classes or "cancel-link" in classes, template.name
