"""A new Wagtail site, to which the app is added as the README says."""

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
from wagtail.images.models import Image
for number in range(12):
    with Path(f"pictures/{number}.jpg").open("rb") as file:
        Image.objects.create(title=f"Picture {number}", file=File(file, f"{number}.jpg")).get_rendition("width-100")
"""
LOOK = """
from pathlib import Path
from hashing.models import ImageAsset
from wagtail.images.models import Image, Rendition
print(Image.objects.count(), "images,", Rendition.objects.count(), "renditions")
print(*ImageAsset.objects.filter(source_type__isnull=False).values_list("source_type", "source_field").distinct())
print(sum(Path(image.file.path).exists() for image in Image.objects.all()), "files")
"""


@pytest.fixture(scope="module")
def project(python, tmp_path_factory) -> Project:
    """A site with twelve images, four of them copies, and a rendition of each."""
    folder = tmp_path_factory.mktemp("wagtail")
    run(python, "-m", "wagtail.bin.wagtail", "start", "shop", folder, cwd=folder)
    shutil.copytree(CHECKOUT / "tests" / "projects" / "walk", folder / "walk")
    (folder / "pictures").mkdir()
    for number in range(12):
        photo(seed=number % 8, size=(320, 240)).save(folder / "pictures" / f"{number}.jpg", quality=90 - number)
    made = Project(python, folder, "shop.settings.base")
    with made.settings_file.open("a") as settings:
        settings.write('\nSECRET_KEY = "x"\n')
    run(python, "manage.py", "migrate", "--verbosity", "0", cwd=folder)
    made.manage("shell", "--verbosity", "0", "--command", FILL)
    return made


def test_the_readme_finds_and_deletes_duplicates_among_images(project):
    output = project.follow_readme(source="wagtailimages.Image.file")
    assert "Processed: 12\n" in output
    assert "Groups: 4\n" in output
    assert "No changes" in project.manage("makemigrations", "--check", "--dry-run")
    assert "Every page works." in project.run("-m", "walk", "pictures/0.jpg")
    found = project.manage("shell", "--verbosity", "0", "--command", LOOK)
    assert "11 images, 11 renditions\n('wagtailimages.Image', 'file')\n11 files\n" in found
