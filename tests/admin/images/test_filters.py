from __future__ import annotations

import pytest

from hashing.models import ImageAsset
from tests.admin.conftest import address
from tests.admin.images.conftest import HASH


def shown(response) -> set[int]:
    return {asset.pk for asset in response.context["cl"].result_list}


def search(client, **query) -> set[int]:
    return shown(client.get(address("changelist"), query))


@pytest.mark.parametrize("state", ["hashed", "waiting", "failed"])
def test_filters_by_state(editor, rows, state):
    assert search(editor, state=state) == {rows[state].pk}


def test_unknown_state_is_ignored(editor, rows):
    assert len(search(editor, state="nonsense")) == 3


def test_filters_by_date(editor, rows):
    ImageAsset.objects.filter(pk=rows["hashed"].pk).update(created_at="2020-01-01T00:00Z")
    assert search(editor, created_at__lt="2021-01-01 00:00:00+00:00") == {rows["hashed"].pk}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("birch", {"hashed"}),
        ("TREES", {"hashed", "waiting"}),
        ("tree oak", {"waiting"}),
        (HASH, {"hashed"}),
        (HASH.upper(), {"hashed"}),
        ("f" * 16, {"hashed"}),
        ("0" * 16, set()),
        ("9" * 40, set()),
        ("100%", set()),
        ("<script>alert(1)</script>", set()),
    ],
)
def test_searches_by_name_and_hash(editor, rows, text, names):
    assert search(editor, q=text) == {rows[name].pk for name in names}


def test_search_for_a_null_character_is_no_error(editor, rows):
    assert editor.get(address("changelist"), {"q": "\x00"}).status_code == 200


def test_searches_by_key(editor, rows):
    assert search(editor, q=str(rows["failed"].pk)) == {rows["failed"].pk}


def test_number_without_a_row_is_searched_in_file_names(editor, rows):
    numbered = ImageAsset.objects.create(image="IMG_20261122.jpg")
    assert search(editor, q="20261122") == {numbered.pk}


@pytest.mark.parametrize("text", ["012", "12"])
def test_number_finds_the_key_and_the_file(editor, rows, text):
    numbered = ImageAsset.objects.create(image="pic-012.jpg")
    keyed = ImageAsset.objects.create(pk=12, image="other.jpg")
    assert search(editor, q=text) == {numbered.pk, keyed.pk}


def test_hash_of_digits_is_searched_like_any_other(editor, rows):
    asset = ImageAsset.objects.create(image="digits.jpg", perceptual_hash="1234567890123456")
    assert search(editor, q="1234567890123456") == {asset.pk}
