"""The content of the wheel and of the source distribution."""

from __future__ import annotations

import os
import re
import tarfile
import zipfile
from email.parser import HeaderParser

import pytest

from servers.site import CHECKOUT

pytestmark = [
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="the same on every database"),
    pytest.mark.xdist_group("projects"),
]


def tracked(folder: str) -> set[str]:
    """Return the files of a folder of the checkout, without generated ones."""
    files = (path.relative_to(CHECKOUT) for path in (CHECKOUT / folder).rglob("*") if path.is_file())
    return {path.as_posix() for path in files if "__pycache__" not in path.parts and "photos" not in path.parts}


def test_the_wheel_has_the_whole_package_and_nothing_else(built):
    with zipfile.ZipFile(built[0]) as wheel:
        names = set(wheel.namelist())
    assert {name for name in names if ".dist-info/" not in name} == tracked("hashing")
    assert {"hashing/py.typed", "hashing/static/hashing/admin.css"} < names
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_source_distribution_can_be_tested_and_read(built):
    with tarfile.open(built[1]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    for folder in ("hashing", "tests", "docs", "samples", "servers", "imagesearch", "benchmarks"):
        assert tracked(folder) <= names, folder
    files = {"CHANGELOG.md", "LICENSE", "README.md", "Makefile", "manage.py", "pyproject.toml", "pytest.ini"}
    assert files | {"requirements.txt", "tests/conftest.py", ".ci/run"} <= names
    assert not {name for name in names if "__pycache__" in name or name.endswith(".pyc")}


def test_the_description_has_no_relative_link(built):
    with zipfile.ZipFile(built[0]) as wheel:
        [metadata] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
        message = HeaderParser().parsestr(wheel.read(metadata).decode())
    assert message["Description-Content-Type"].startswith("text/markdown")
    assert "finds the same picture twice" in message.get_payload()
    assert re.findall(r"\]\((?!https://)[^)]*\)", message.get_payload()) == []
