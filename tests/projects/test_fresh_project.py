"""A new project with a model and pictures, to which the app is added as the README says."""

from __future__ import annotations

import os
import shutil

import pytest

from samples.pictures import photo
from servers.site import CHECKOUT
from tests.projects.conftest import Project, run

pytestmark = [
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="the same on every database, and slow"),
    pytest.mark.slow,
    pytest.mark.xdist_group("projects"),
]

FILL = """
from pathlib import Path
from django.core.files import File
from blog.models import Photo
for number in range(30):
    # Which of two copies is marked depends on the ranking: none that the admin of the photos hides.
    is_hidden = number in (12, 15, 18)
    with Path(f"pictures/{number}.jpg").open("rb") as file:
        Photo.objects.create(title=f"Album {number % 3}", deleted=is_hidden, original=File(file, f"{number}.jpg"))
"""
LOOK = """
from blog.models import Photo
from hashing.models import ImageAsset
left = Photo._base_manager.all()
print(left.count(), "rows,", left.filter(width=320, height=240).count(), "with their dimensions")
print(ImageAsset.objects.hashed().filter(source_type="blog.Photo").count(), "hashed")
"""


@pytest.fixture(scope="module")
def project(python, tmp_path_factory) -> Project:
    """A blog with thirty photographs, ten of them copies, without the app."""
    folder = tmp_path_factory.mktemp("project")
    run(python, "-m", "django", "startproject", "mysite", folder, cwd=folder)
    shutil.copytree(CHECKOUT / "tests" / "site_models", folder / "blog", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(CHECKOUT / "tests" / "projects" / "walk", folder / "walk")
    (folder / "blog" / "admin.py").write_text(
        "from django.contrib import admin\nfrom .models import Photo\nadmin.site.register(Photo)\n"
    )
    made = Project(python, folder, "mysite.settings")
    with made.settings_file.open("a") as settings:
        settings.write('INSTALLED_APPS.append("blog")\nMEDIA_ROOT = BASE_DIR / "media"\n')
    (folder / "pictures").mkdir()
    for number in range(30):
        photo(seed=number % 20, size=(320, 240)).save(folder / "pictures" / f"{number}.jpg", quality=90 - number)
    made.manage("makemigrations", "blog")
    made.manage("migrate", "--verbosity", "0")
    made.manage("shell", "--verbosity", "0", "--command", FILL)
    return made


@pytest.fixture(scope="module")
def output(project) -> str:
    return project.follow_readme()


def test_the_readme_finds_and_deletes_duplicates_among_rows_of_the_project(project, output):
    assert "no issues" in output
    assert "Sources: 30 added" in output
    assert "Processed: 30\n" in output
    assert "Groups: 10\n" in output
    imported = project.run("-c", "import hashing; print(hashing.__file__)")
    assert imported.startswith(str(project.python.parents[1])), "the checkout is imported"
    assert "no issues" in project.manage("check", "--fail-level", "WARNING")
    assert "No changes" in project.manage("makemigrations", "--check", "--dry-run")

    assert "Every page works." in project.run("-m", "walk", "pictures/0.jpg")
    found = project.manage("shell", "--verbosity", "0", "--command", LOOK)
    assert "29 rows, 29 with their dimensions\n29 hashed\n" in found


@pytest.mark.parametrize(
    ("wrong", "check_id"),
    [
        ('INSTALLED_APPS.remove("admin_actions")', "hashing.E005"),
        ("INSTALLED_APPS.append(INSTALLED_APPS.pop(1))", "E006"),
    ],
)
def test_a_line_that_is_missing_or_misplaced_is_an_error(project, output, wrong, check_id):
    (project.folder / "wrong.py").write_text(f"from mysite.settings import *\n{wrong}\n")
    with pytest.raises(AssertionError, match=rf"{check_id}.*\n.*Put 'admin_actions' before 'django.contrib.admin'"):
        project.manage("check", "--settings", "wrong")
