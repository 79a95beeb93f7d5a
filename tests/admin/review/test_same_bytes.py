from __future__ import annotations

import pytest

from hashing.admin.review import same_bytes
from tests.admin.review.conftest import review_address

LONG = bytes(range(256)) * 1024


def ask(client, first, second):
    return client.get(review_address("same_bytes", first.pk, second.pk))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (LONG, LONG, True),
        (LONG, LONG[:-1] + b"x", False),
        (LONG, b"x" + LONG[1:], False),
        (LONG, LONG[:-1], False),
        (b"", b"", True),
        (LONG, None, None),
    ],
)
def test_files_are_compared_byte_for_byte(viewer, add_image, one, other, same):
    response = ask(viewer, add_image("one.jpg", content=one), add_image("other.jpg", content=other))
    assert response.json() == {"same": same}


def test_answer_is_kept_by_the_browser_of_this_user_alone(viewer, add_image):
    asset, missing = add_image(), add_image("missing.jpg", content=None)
    assert ask(viewer, asset, asset)["Cache-Control"] == "private, max-age=86400"
    assert ask(viewer, asset, missing)["Cache-Control"] == "private, max-age=60"


def test_files_that_are_too_long_are_not_compared_to_the_end(viewer, add_image, monkeypatch):
    monkeypatch.setattr(same_bytes, "MOST_COMPARED", len(LONG) - 1)
    one, other = add_image("one.jpg", content=LONG), add_image("other.jpg", content=LONG)
    assert ask(viewer, one, other).json() == {"same": None}
    different = add_image("different.jpg", content=b"x" + LONG)
    assert ask(viewer, one, different).json() == {"same": False}


@pytest.mark.parametrize("key", [0, 99, 10**30])
def test_missing_key_is_not_found(viewer, add_image, key):
    asset = add_image()
    assert viewer.get(review_address("same_bytes", asset.pk, key)).status_code == 404
    assert viewer.get(review_address("same_bytes", key, asset.pk)).status_code == 404
