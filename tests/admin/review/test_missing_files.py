from __future__ import annotations

import pytest
from django.core.files.storage import FileSystemStorage

from hashing.models import DuplicateGroup, ImageAsset, PairDecision
from tests.admin.review.conftest import ask, form_of, image_keys, keys_of, marked_keys, review_address


@pytest.mark.parametrize("place", [0, 1])
def test_image_whose_file_is_missing_is_not_kept(reviewer, add_group, media, place):
    group = add_group()
    keys = keys_of(group)
    data = form_of(group, "keep", keys[place])
    media.joinpath(f"0/{place}.jpg").unlink()
    response = ask(reviewer, data)
    assert response.status_code == 409
    assert response.json()["message"] == f"0/{place}.jpg cannot be kept: File not found at 0/{place}.jpg"
    assert PairDecision.objects.count() == 0
    # It is in the group still, its card says why, and another one is suggested.
    assert sorted(image_keys(response)) == sorted(keys)
    html = response.json()["html"]
    assert html.count(f"Cannot be kept: <bdi>File not found at 0/{place}.jpg") == 1
    assert f'name="keep" value="{keys[place]}"' not in html
    assert DuplicateGroup.objects.get().keeper_id == keys[1 - place]


def test_no_image_can_be_marked_as_duplicate_of_a_keeper_without_a_file(reviewer, add_group, media):
    group = add_group()
    keeper, one, other = keys_of(group)
    data = form_of(group, "same", other)
    media.joinpath("0/0.jpg").unlink()
    assert ask(reviewer, data).status_code == 409
    assert marked_keys() == set()
    assert DuplicateGroup.objects.get().keeper_id == one
    # Without it as the keeper, all is as usual.
    ask(reviewer, form_of(DuplicateGroup.objects.get(), "keep", one))
    assert marked_keys() == {keeper, other}


def test_page_shows_that_the_file_of_a_keeper_is_missing_and_changes_nothing(reviewer, add_group, media):
    group = add_group()
    media.joinpath("0/0.jpg").unlink()
    text = reviewer.get(review_address("changelist")).text
    assert "Cannot be kept: <bdi>File not found at 0/0.jpg" in text
    assert f'name="keep" value="{group.keeper_id}"' not in text
    assert 'name="same"' not in text
    assert "Suggested keeper" not in text
    assert not ImageAsset.objects.exclude(hash_error="").exists()


def test_file_of_another_size_is_not_kept(reviewer, add_group, media):
    group = add_group()
    data = form_of(group, "keep", group.keeper_id)
    media.joinpath("0/0.jpg").write_bytes(b"cut off")
    assert "is not the one that was hashed" in ask(reviewer, data).json()["message"]
    assert marked_keys() == set()


def test_file_that_is_back_can_be_kept(reviewer, add_group, media):
    group = add_group()
    path = media / "0/0.jpg"
    content = path.read_bytes()
    path.unlink()
    data = form_of(group, "keep", group.keeper_id)
    ask(reviewer, data)
    path.write_bytes(content)
    assert ask(reviewer, form_of(DuplicateGroup.objects.get(), "keep", group.keeper_id)).status_code == 200
    assert not ImageAsset.objects.exclude(hash_error="").exists()
    assert len(marked_keys()) == 2


def test_unavailable_storage_is_not_recorded_as_a_missing_file(reviewer, add_group, settings, media):
    group = add_group()
    data = form_of(group, "keep", group.keeper_id)
    settings.MEDIA_ROOT = str(media / "unmounted")
    response = ask(reviewer, data)
    assert response.status_code == 409
    assert "its storage is unavailable" in response.json()["message"]
    assert not ImageAsset.objects.exclude(hash_error="").exists()
    assert marked_keys() == set()


@pytest.mark.parametrize("verdict", ["same", "keep"])
def test_storage_is_not_accessed_while_the_groups_are_locked(reviewer, add_group, monkeypatch, verdict):
    def locked(using, work, *arguments):
        with monkeypatch.context() as patch:
            patch.setattr(FileSystemStorage, "exists", forbidden)
            return work(*arguments)

    def forbidden(*_arguments):
        raise AssertionError("the storage is asked")

    group = add_group()
    data = form_of(group, verdict, keys_of(group)[1])
    monkeypatch.setattr("hashing.admin.review.services.with_groups_locked", locked)
    assert ask(reviewer, data).status_code == 200
