from __future__ import annotations

import logging

from django.core.files.storage import FileSystemStorage

from hashing.models import ImageAsset
from hashing.stored_files.deletion import FileDeletion, delete_unused
from tests.stored_files.conftest import storage


def test_unused_file_is_deleted_and_a_used_one_kept(add_image, media):
    used, unused = add_image("used.jpg"), add_image("unused.jpg")
    ImageAsset.objects.filter(pk=unused.pk).delete()
    assert delete_unused(storage(), [used.image.name, "unused.jpg", ""]) == FileDeletion(
        frozenset({"unused.jpg"}), {"used.jpg": "Used by: image."}
    )
    assert [path.name for path in media.iterdir()] == ["used.jpg"]


def test_file_is_kept_while_any_row_names_it(add_image, media):
    one, other = add_image("shared.jpg"), add_image("shared.jpg")
    for row in (one, other):
        row.delete()
        delete_unused(storage(), ["shared.jpg"])
        assert (media / "shared.jpg").exists() == (row is one)


def test_file_is_found_through_a_storage_inside_another(add_image, media):
    add_image("folder/used.jpg")
    inner = FileSystemStorage(location=media / "folder")
    (media / "folder" / "unused.jpg").touch()
    assert not delete_unused(inner, ["used.jpg", "unused.jpg"]).failed
    assert [path.name for path in (media / "folder").iterdir()] == ["used.jpg"]


def test_file_of_the_same_name_elsewhere_is_another_file(add_image, media, tmp_path):
    add_image("photo.jpg")
    elsewhere = FileSystemStorage(location=tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "photo.jpg").touch()
    delete_unused(elsewhere, ["photo.jpg"])
    assert not list((tmp_path / "elsewhere").iterdir())
    assert (media / "photo.jpg").exists()


class Remote(FileSystemStorage):
    """A storage without paths, and with a file that cannot be deleted."""

    def path(self, name):
        if "remote" in self.__dict__:
            raise NotImplementedError
        return super().path(name)

    def delete(self, name):
        if name == "locked.jpg":
            raise RuntimeError("locked")
        del self.__dict__["remote"]
        super().delete(name)
        self.remote = True


def test_names_are_compared_in_a_storage_without_paths(add_image, media):
    remote = Remote(location=media)
    remote.remote = True
    add_image("used.jpg")
    (media / "unused.jpg").touch()
    assert not delete_unused(remote, ["used.jpg", "unused.jpg"]).failed
    assert [path.name for path in media.iterdir()] == ["used.jpg"]


def test_file_that_cannot_be_deleted_does_not_affect_others(db, media, caplog):
    remote = Remote(location=media)
    remote.remote = True
    (media / "unused.jpg").touch()
    with caplog.at_level(logging.ERROR):
        assert delete_unused(remote, ["locked.jpg", "unused.jpg"]).failed.keys() == {"locked.jpg"}
    assert "locked.jpg cannot be deleted" in caplog.text
    assert not list(media.iterdir())


def test_file_behind_a_linked_folder_is_kept_while_a_row_names_it(add_image, media, tmp_path):
    (tmp_path / "disk").mkdir()
    (media / "photos").symlink_to(tmp_path / "disk")
    add_image("photos/used.jpg")
    (tmp_path / "disk" / "unused.jpg").touch()
    assert not delete_unused(storage(), ["photos/used.jpg", "photos/unused.jpg"]).failed
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["used.jpg"]


def test_file_is_kept_while_a_row_names_it_in_the_same_unusual_spelling(add_image, media):
    row = add_image("folder/used.jpg")
    ImageAsset.objects.filter(pk=row.pk).update(image="folder//used.jpg")
    delete_unused(storage(), ["folder//used.jpg"])
    assert (media / "folder" / "used.jpg").exists()


def test_name_outside_the_storage_does_not_affect_others(db, media):
    (media / "unused.jpg").touch()
    assert delete_unused(storage(), ["../outside.jpg", "unused.jpg"]).failed.keys() == {"../outside.jpg"}
    assert not list(media.iterdir())
