"""The tests on every version that is supported: `make test-matrix`, or `nox --list`.

Interpreters that are not there are named and skipped. Each environment has the newest packages, or the oldest ones that
pyproject.toml allows. `nox -- --all` runs all tests instead of those that depend on versions most.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False

HERE = Path(__file__).resolve().parent
PYTHONS = {"3.11": "5.2", "3.12": "6.0", "3.13": "6.1"}
# Their versions change pixels, arithmetic and SQL.
COMPILED = ("Pillow", "numpy", "psycopg")
# The first version of NumPy with wheels for a Python is newer than the oldest that is allowed.
FIRST_NUMPY = {"3.13": "2.1"}
# What depends on versions: decoding and hashing, with the golden hashes, SQL, models, migrations, checks and pages.
CHOSEN_TESTS = (
    "tests/fingerprint tests/hamming_join tests/search tests/models tests/db tests/migrations tests/checks"
    " tests/sources tests/indexing tests/grouping tests/management/test_find_duplicates.py tests/admin/search"
    " tests/admin/test_permissions.py tests/test_forms.py tests/test_perceptual_hash.py tests/previews"
    " tests/test_rest_framework.py tests/test_settings.py tests/test_tasks.py tests/test_uploads.py"
).split()


VERSIONS = """
import platform
from importlib.metadata import version
names = ("Django", "Pillow", "numpy", "psycopg")
print(f"Python {platform.python_version()},", ", ".join(f"{name} {version(name)}" for name in names))
"""


def floors() -> dict[str, str]:
    """Return the lowest allowed version of each compiled package, as in 11.3 of "Pillow>=11.3"."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]
    texts = [*project["dependencies"], *project["optional-dependencies"]["postgresql"]]
    found = (re.match(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)", text) for text in texts)
    return {match[1]: match[2] for match in found if match and match[1] in COMPILED}


def install(session: nox.Session, packages: str) -> None:
    """Install all packages of a checkout, with the Django of this Python, and name the versions."""
    python = str(session.python)
    pins = {"Django": PYTHONS[python]}
    if packages == "oldest":
        pins |= floors() | ({"numpy": FIRST_NUMPY[python]} if python in FIRST_NUMPY else {})
    constraints = Path(session.create_tmp()) / f"{packages}.txt"
    constraints.write_text("".join(f"{name}~={version}.0\n" for name, version in pins.items()))
    session.install("--requirement", "requirements.txt", "--constraint", str(constraints))
    session.run("python", "-c", VERSIONS)


def run_tests(session: nox.Session, *prefix: str) -> None:
    """Run the chosen tests, all with `--all`, or those that are named."""
    own = [argument for argument in session.posargs if argument != "--all"]
    chosen = own if own or "--all" in session.posargs else [*CHOSEN_TESTS, "-m", "not slow"]
    command = ("python", *prefix, "-m", "pytest", "-n", "2", "--dist", "loadgroup", "-q", *chosen)
    session.run(*command, env={"OPENBLAS_NUM_THREADS": "1"})


@nox.session(python=list(PYTHONS))
@nox.parametrize("packages", ["newest", "oldest"])
def tests(session: nox.Session, packages: str) -> None:
    """On SQLite, with the newest and with the oldest allowed packages."""
    install(session, packages)
    run_tests(session)


@nox.session(python=list(PYTHONS))
def postgresql(session: nox.Session) -> None:
    """The tests that use a database, on a PostgreSQL server that is started for them."""
    install(session, "newest")
    run_tests(session, "-m", "servers.postgresql", "python")


@nox.session(python="3.11")
def audit(session: nox.Session) -> None:
    """Known vulnerabilities of the packages. Skipped where their list cannot be reached."""
    install(session, "newest")
    session.install("pip-audit")
    command = ("pip-audit", "--local", "--skip-editable", "--progress-spinner", "off")
    found = str(session.run(*command, silent=True, success_codes=[0, 1], log=False))
    if re.search(r"Found \d+ known", found):
        session.error(found)
    if "No known vulnerabilities" not in found or re.search(r"(?m)^django .*could not be audited", found):
        session.skip("the list of vulnerabilities cannot be reached")
