from __future__ import annotations

import pytest
from django import forms

from hashing.admin.fields import ImageUploadField
from hashing.models import ImageAsset
from tests.admin.conftest import EPS, HTML, SVG, bomb
from tests.admin.images.conftest import jpeg, upload

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        pytest.param(SVG, "drawing.jpg", id="svg renamed"),
        pytest.param(SVG, "drawing.svg", id="svg"),
        pytest.param(HTML, "page.jpg", id="html renamed"),
        pytest.param(EPS, "print.jpg", id="eps renamed"),
        pytest.param(EPS, "print.eps", id="eps"),
        pytest.param(bomb(), "bomb.bmp", id="bomb"),
        pytest.param(b"", "empty.jpg", id="empty"),
        pytest.param(jpeg(), "photo.html", id="jpeg named html"),
        pytest.param(jpeg(), "photo", id="jpeg without a suffix"),
        pytest.param(b"\x00" * 50_000_000, "large.jpg", id="50 MB of nothing"),
    ],
)
def test_invalid_image_is_refused(superuser, media, content, name):
    response = upload(superuser, content, name)
    assert response.status_code == 200
    assert response.context["errors"]
    assert not ImageAsset.objects.exists()


def test_a_file_above_the_limit_is_refused(superuser, media, settings):
    content = jpeg()
    settings.HASHING = {"MAX_BYTES": len(content) - 1}
    assert "more than MAX_BYTES" in upload(superuser, content).text
    assert not ImageAsset.objects.exists()
    settings.HASHING = {"MAX_BYTES": len(content)}
    upload(superuser, content)
    assert ImageAsset.objects.exists()


def test_file_dialog_offers_images():
    assert ImageUploadField().widget.attrs["accept"] == "image/*"
    assert ImageUploadField(widget=forms.FileInput({"accept": ".jpg"})).widget.attrs["accept"] == ".jpg"
