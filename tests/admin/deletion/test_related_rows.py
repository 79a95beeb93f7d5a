from __future__ import annotations

import pytest
from django.utils.html import format_html

from hashing.admin.deletion.related_rows import as_text, deleting_images, is_deleting_images


def test_request_is_marked_only_inside_the_block(rf):
    request = rf.get("/")
    assert not is_deleting_images(request)
    with deleting_images(request):
        assert is_deleting_images(request)
    assert not is_deleting_images(request)


def test_request_is_not_marked_after_an_error(rf):
    request = rf.get("/")
    with pytest.raises(ZeroDivisionError), deleting_images(request):
        raise ZeroDivisionError
    assert not is_deleting_images(request)


@pytest.mark.parametrize(
    "description", ["Note: <b> & co", format_html('Note: <a href="/note/1/">{}</a>', "<b> & co")], ids=["text", "html"]
)
def test_description_as_text(description):
    assert as_text(description) == "Note: <b> & co"
