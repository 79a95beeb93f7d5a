"""The places that say which versions are supported agree."""

from __future__ import annotations

import re
import tomllib

import pytest

import hashing
from servers.site import CHECKOUT

pytestmark = pytest.mark.any_database

PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
WORKFLOW = (CHECKOUT / ".github" / "workflows" / "tests.yml").read_text()


def classified(name: str) -> list[str]:
    """Return the versions in the classifiers of the package."""
    return re.findall(rf"{name} :: (\d+\.\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE)


@pytest.fixture(scope="module")
def matrix() -> dict[str, str]:
    """The Django of each Python in the matrix."""
    # Nox itself is not needed to read the table.
    text = (CHECKOUT / "noxfile.py").read_text()
    [table] = re.findall(r"^PYTHONS = \{(.*)\}$", text, re.MULTILINE)
    return dict(re.findall(r'"([\d.]+)": "([\d.]+)"', table))


def test_every_supported_django_is_in_the_matrix(matrix):
    assert sorted(matrix.values()) == classified("Django")


def test_the_oldest_python_and_supported_ones_are_in_the_matrix(matrix):
    assert PROJECT["requires-python"] == f">={min(matrix, key=version_key)}"
    assert set(matrix) <= set(classified("Python"))


def test_the_workflow_runs_the_matrix(matrix):
    [listed] = re.findall(r"^ +python: \[(.*)\]$", WORKFLOW, re.MULTILINE)
    assert re.findall(r'"([\d.]+)"', listed) == list(matrix)
    assert set(re.findall(r'python: "([\d.]+)" \}', WORKFLOW)) <= set(matrix)


@pytest.mark.parametrize("page", ["README.md", "docs/versions.md"])
def test_pages_name_the_supported_versions(page):
    text = re.sub(r"\s+", " ", (CHECKOUT / page).read_text().replace("|", " "))
    for name in ("Python", "Django"):
        versions = classified(name)
        assert re.search(rf"\b{name} {re.escape(versions[0])} to {re.escape(versions[-1])}\b", text), name
    [oldest] = set(re.findall(r"PostgreSQL (\d+) or newer", text))
    assert min(re.findall(r'postgresql: "(\d+)"', WORKFLOW)) == oldest


def test_the_version_of_the_package_is_in_the_changelog():
    assert re.search(rf"^## {re.escape(hashing.__version__)} \(", (CHECKOUT / "CHANGELOG.md").read_text(), re.MULTILINE)


def version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
