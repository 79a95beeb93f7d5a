from __future__ import annotations

from django.core.files.uploadedfile import SimpleUploadedFile

from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.models import ImageAsset
from tests.admin.conftest import address

HASH, VERTICAL, DETAIL = "0123456789abcdef", "fedcba9876543210", "3c" * 32
HASHES = {"hash": HASH, "vertical": VERTICAL, "detail": DETAIL, "quality": 90}
MARKUP = '"><script>alert(1)</script>'


def add(name: str = "x.jpg", bits: int = 0, detail_bits: int = 0, **fields) -> ImageAsset:
    """Add a row whose hashes differ from HASH and DETAIL by these numbers of bits."""
    known = {
        "perceptual_hash": f"{int(HASH, 16) ^ (1 << bits) - 1:016x}",
        "vertical_hash": VERTICAL,
        "detail_hash": f"{int(DETAIL, 16) ^ (1 << detail_bits) - 1:064x}",
        "hash_quality": 90,
        "hash_version": HASH_VERSION,
    }
    return ImageAsset.objects.bulk_create([ImageAsset(image=name, **known | fields)])[0]


def inside_of(asset: ImageAsset) -> dict[str, str | int]:
    """The fields of a picture inside whose frame is that of an asset."""
    fields = {f"inside_{name}": getattr(asset, name) for name in ("perceptual_hash", "vertical_hash", "detail_hash")}
    return fields | {"inside_quality": asset.hash_quality}


def find_similar(client, asset: ImageAsset, **query):
    return client.get(address("find_similar", asset.pk), query)


def search_by_hash(client, **query):
    return client.get(address("similar"), HASHES | query)


def shown(response) -> list[int]:
    page = response.context["page"]
    return [card.asset.pk for card in page.cards] if page else []


def upload(client, content: bytes, name: str = "photo.jpg", **options):
    return client.post(address("search_by_image"), {"image": SimpleUploadedFile(name, content)}, **options)
