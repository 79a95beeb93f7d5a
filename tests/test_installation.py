"""The package as it is installed: built, put into an environment of its own, and set up as the README says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

from tests.pictures import photo
from tests.site import CHECKOUT

pytestmark = pytest.mark.skipif("DATABASE_URL" in os.environ, reason="the same on every database, and slow")

OWN_VARIABLES = {"DJANGO_SETTINGS_MODULE", "PYTHONPATH"}
BUILD = """
import sys
from flit_core import buildapi
print(buildapi.build_wheel(sys.argv[1]))
print(buildapi.build_sdist(sys.argv[1]))
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program that knows nothing of this checkout, and return what it writes."""
    inherited = {
        name: value for name, value in os.environ.items() if name not in {"DJANGO_SETTINGS_MODULE", "PYTHONPATH"}
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=inherited,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[Path, Path]:
    """A wheel and a source distribution of this checkout."""
    folder = tmp_path_factory.mktemp("built")
    wheel, sdist = run(sys.executable, "-c", BUILD, folder, cwd=CHECKOUT).split()
    return folder / wheel, folder / sdist


@pytest.fixture(scope="module")
def python(built, tmp_path_factory) -> Path:
    """An environment with the wheel, and with what else the environment of the tests has."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (packages / "outer.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    with zipfile.ZipFile(built[0]) as wheel:
        wheel.extractall(packages)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def project(python, tmp_path_factory) -> Path:
    """What `startproject` makes, with the settings that the README names, to the letter."""
    folder = tmp_path_factory.mktemp("project")
    run(python, "-m", "django", "startproject", "mysite", folder, cwd=folder)
    with (folder / "mysite" / "settings.py").open("a") as settings:
        settings.write("\n".join(blocks_of_readme("python", "INSTALLED_APPS", "HASHING")))
    return folder


def blocks_of_readme(language: str, *starts: str) -> list[str]:
    section = (CHECKOUT / "README.md").read_text().partition("\n## Add it to your project\n")[2].partition("\n## ")[0]
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    found = [block for start in starts for block in blocks if block.startswith(start)]
    assert len(found) == len(starts)
    return found


def test_a_new_project_works_with_the_lines_of_the_readme(python, project):
    def manage(*arguments: str | Path) -> str:
        return run(python, "manage.py", *arguments, cwd=project)

    [commands] = blocks_of_readme("console", "$ python manage.py check")
    assert "no issues" in manage("check", "--fail-level", "WARNING")
    for command in re.findall(r"^\$ python manage.py ([^#\n]*)", commands, re.MULTILINE):
        manage(*command.split())
    assert run(python, "-c", "import hashing; print(hashing.__file__)", cwd=project).startswith(str(python.parents[1]))

    pictures = project / "pictures"
    pictures.mkdir()
    for number in range(3):
        photo(seed=number // 2, size=(320, 240)).save(pictures / f"{number}.jpg")
    assert "Registered: 3\n" in manage("import_images", pictures)
    assert "Processed: 3\n" in manage("backfill_hashes")
    assert "Groups: 1\n" in manage("find_duplicates")
    assert "No changes" in manage("makemigrations", "--check", "--dry-run")

    shutil.copyfile(CHECKOUT / "tests" / "every_admin_page.py", project / "every_admin_page.py")
    environment = ["env", "DJANGO_SETTINGS_MODULE=mysite.settings"]
    assert "Every page opens." in run(*environment, python, "every_admin_page.py", pictures / "0.jpg", cwd=project)


@pytest.mark.parametrize(
    ("wrong", "check_id"),
    [
        ('INSTALLED_APPS.remove("admin_actions")', "hashing.E005"),
        ("INSTALLED_APPS.append(INSTALLED_APPS.pop(1))", "E006"),
    ],
)
def test_a_line_that_is_missing_or_misplaced_is_an_error(python, project, wrong, check_id):
    (project / "wrong.py").write_text(f"from mysite.settings import *\n{wrong}\n")
    with pytest.raises(AssertionError, match=rf"{check_id}.*\n.*Put 'admin_actions' before 'django.contrib.admin'"):
        run(python, "manage.py", "check", "--settings", "wrong", cwd=project)


def tracked(folder: str) -> set[str]:
    """The files of a folder of the checkout, without what Python leaves behind."""
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
    for folder in ("hashing", "tests", "docs", "samples", "imagesearch", "benchmarks"):
        assert tracked(folder) <= names, folder
    files = {"CHANGELOG.md", "LICENSE", "README.md", "Makefile", "manage.py", "pyproject.toml", "pytest.ini"}
    assert files | {"requirements.txt", "tests/conftest.py", ".ci/run"} <= names
    assert not {name for name in names if "__pycache__" in name or name.endswith(".pyc")}


def test_the_description_has_no_link_that_leads_nowhere_from_an_index(built):
    with zipfile.ZipFile(built[0]) as wheel:
        [metadata] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
        message = HeaderParser().parsestr(wheel.read(metadata).decode())
    assert message["Description-Content-Type"].startswith("text/markdown")
    assert "finds the same picture twice" in message.get_payload()
    assert re.findall(r"\]\((?!https://)[^)]*\)", message.get_payload()) == []
