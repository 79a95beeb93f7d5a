from __future__ import annotations

import hashlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from hashing.models import ImageAsset
from samples.pictures import encoded, photo
from tests.admin.conftest import address

HASH = "0123456789abcdef"


@pytest.fixture
def rows(db) -> dict[str, ImageAsset]:
    make = ImageAsset.objects.create
    return {
        "hashed": make(image="trees/birch.jpg", perceptual_hash=HASH, vertical_hash="f" * 16, width=640, height=480),
        "waiting": make(image="trees/oak.jpg", file_size=2048),
        "failed": make(image="cars/beetle.jpg", hash_error="ValueError: Failed to process image: the file is empty"),
    }


def upload(client, content: bytes, name: str = "photo.jpg"):
    return client.post(address("add"), {"image": SimpleUploadedFile(name, content)}, follow=True)


def keep_both(client, content: bytes, name: str = "photo.jpg"):
    """Upload a picture that is here already, and press "Keep both"."""
    data = {"image": SimpleUploadedFile(name, content), "keep_both": hashlib.sha256(content).hexdigest()}
    return client.post(address("add"), data, follow=True)


def jpeg(seed: int = 1) -> bytes:
    return encoded(photo(seed=seed, size=(160, 120)), "JPEG")
