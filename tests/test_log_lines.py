"""File names add no lines and no control characters to the log and to terminals."""

from __future__ import annotations

import logging

import pytest
from django.core.files.storage import FileSystemStorage

from hashing.models import ImageAsset
from hashing.stored_files.deletion import delete_unused
from samples.show_table import show_table
from tests.admin.conftest import address

HOSTILE = "a\nERROR forged\r\x1b[31m\u202e\x9b.jpg"
pytestmark = pytest.mark.django_db


class Echo(FileSystemStorage):
    """A storage whose errors contain the name, as those of object storages do."""

    def _refuse(self, name, *_arguments):
        raise OSError(f"no such key: {name}")

    delete = open = _refuse


@pytest.fixture
def logged(caplog):
    """The messages of the app's log lines."""
    caplog.set_level(logging.DEBUG, "hashing")
    return lambda: [record.getMessage() for record in caplog.records if record.name.startswith("hashing")]


def test_deletion_that_is_refused(media, logged):
    assert delete_unused(Echo(location=media), [HOSTILE]).failed.keys() == {HOSTILE}
    [line] = logged()
    assert line.isprintable()
    assert line.startswith("a\\nERROR forged")


def test_pages_that_cannot_read_a_file(admin_client, add_image, media, logged, monkeypatch):
    asset = add_image(HOSTILE, content=None)
    monkeypatch.setattr(ImageAsset.image.field, "storage", Echo(location=media))
    admin_client.get(address("preview", asset.pk, 160), secure=True)
    assert len(logged()) == 1
    assert all(line.isprintable() for line in logged())


def test_table_of_the_demo(add_image, capsys):
    add_image(HOSTILE, content=None)
    show_table()
    assert all(line.isprintable() for line in capsys.readouterr().out.split("\n"))
