"""Files that Pillow hands to another program, with every suffix and through every way into the site."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from hashing.models import ImageAsset
from hashing.workers.decoder import decoder
from samples.pictures import encoded, photo
from tests.admin.conftest import address

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.any_database,
    pytest.mark.skipif(os.name != "posix", reason="the stand-in for Ghostscript is a shell script"),
]
POSTSCRIPT = encoded(photo(size=(160, 120)), "EPS")
REASON = "not an image in a supported format"


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that Ghostscript would leave, in the processes that decode as well: they start with this PATH."""
    left, program = tmp_path / "started", tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch '{left}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    decoder.end()
    yield left
    decoder.end()


@pytest.mark.parametrize("name", ["print.jpg", "print.png", "print.tif", "print.eps"])
def test_no_page_starts_a_program(superuser, add_image, mark, name):
    searched = superuser.post(address("search_by_image"), {"image": SimpleUploadedFile(name, POSTSCRIPT)})
    assert REASON in str(searched.context["form"].errors)
    superuser.post(address("add"), {"image": SimpleUploadedFile(name, POSTSCRIPT, "image/jpeg")})
    made = ImageAsset.objects.create(image=SimpleUploadedFile(name, POSTSCRIPT))
    assert REASON in made.hash_error
    asset = add_image(name, content=POSTSCRIPT)
    assert superuser.get(address("preview", asset.pk, 160))["Content-Type"] == "image/svg+xml"
    assert superuser.get(address("original", asset.pk)).status_code == 404
    superuser.post(address("recompute", asset.pk))
    asset.refresh_from_db()
    assert REASON in asset.hash_error
    assert not mark.exists()


def test_an_import_and_its_backfill_start_no_program(media, mark, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("print.jpg", "print.png", "print.eps"):
        (folder / name).write_bytes(POSTSCRIPT)
    call_command("import_images", str(folder), "--no-progress")
    with pytest.raises(SystemExit):
        call_command("backfill_hashes", "--no-progress", workers=1)
    assert ImageAsset.objects.filter(hash_error__contains=REASON).count() == 2
    assert not mark.exists()
