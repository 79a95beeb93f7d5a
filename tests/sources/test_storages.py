from __future__ import annotations

import pytest
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage, default_storage

from hashing.sources import SourceKey
from hashing.sources.storages import UnknownStorage, find_storage, find_storages, is_same_storage, own_storage
from tests.site_models.models import Picture, Scan


def test_storages_are_the_same_if_a_name_means_the_same_file(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    assert is_same_storage(FileSystemStorage(tmp_path), FileSystemStorage(tmp_path / "link"))
    assert not is_same_storage(FileSystemStorage(tmp_path), FileSystemStorage(tmp_path / "other"))
    assert is_same_storage(InMemoryStorage("a"), InMemoryStorage("a"))
    assert not is_same_storage(InMemoryStorage("a"), InMemoryStorage("b"))
    assert is_same_storage(default_storage, FileSystemStorage(default_storage.location))


def test_storage_that_cannot_be_described_equals_only_itself():
    storage = Storage()
    assert is_same_storage(storage, storage)
    assert not is_same_storage(storage, Storage())


def test_storage_of_an_asset_is_that_of_its_source(sources, archive, django_assert_num_queries):
    keys = [SourceKey("site_models.Picture", "1", "image"), SourceKey("site_models.Scan", "1", "file"), None]
    with django_assert_num_queries(0):
        found = find_storages(keys, "default")
    assert found == {
        keys[0]: Picture.image.field.storage,
        keys[1]: Scan.file.field.storage,
        None: own_storage(),
    }
    with pytest.raises(UnknownStorage, match=r"site_models\.Gone"):
        find_storage(SourceKey("site_models.Gone", "1", "image"), "default")
