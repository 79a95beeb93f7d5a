from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import hashing.checks
from hashing.checks.messages import PACKAGE, documentation_page, error, warning
from servers.site import CHECKOUT
from tests.test_docs import anchor

PAGE = (CHECKOUT / "docs" / "reference" / "checks.md").read_text()
MODULES = Path(hashing.checks.__file__).parent.glob("*.py")
CODE = "".join(path.read_text() for path in MODULES if path.stem != "messages")
IDS = set(re.findall(r'\b(?:error|warning)\(\s*"([EW]\d{3})"', CODE))


def test_every_check_has_a_heading_on_the_page():
    headings = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
    assert sorted(headings) == sorted(f"hashing.{each}" for each in IDS)


def test_every_message_has_a_hint_that_leads_to_the_page():
    assert not re.search(r"\b(Error|Warning|Info|Critical|CheckMessage)\(", CODE)


@pytest.mark.parametrize(("make", "check_id"), [(error, "E001"), (warning, "W011")])
def test_a_hint_leads_to_the_heading_of_its_id(make, check_id):
    message = make(check_id, "Something is wrong.", "Mend it.")
    assert message.id == f"hashing.{check_id}"
    assert message.hint == f"Mend it. See {documentation_page('reference/checks.md')}#{anchor(message.id)}"


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        ([], "docs/explanation/search.md"),
        (["Source, https://example.org/source"], "docs/explanation/search.md"),
        (["Documentation, https://example.org/docs/"], "https://example.org/docs/explanation/search.html"),
    ],
)
def test_pages_are_where_the_package_says(tmp_path, monkeypatch, urls, expected):
    folder = tmp_path / f"{PACKAGE.replace('-', '_')}-1.dist-info"
    folder.mkdir()
    lines = ["Metadata-Version: 2.4", f"Name: {PACKAGE}", "Version: 1", *(f"Project-URL: {url}" for url in urls)]
    (folder / "METADATA").write_text("\n".join(lines))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert documentation_page("explanation/search.md") == expected
