from __future__ import annotations

from django.core.files.base import ContentFile

from hashing.models import ImageAsset
from hashing.models.hash_fields import HASH_FIELDS
from samples.pictures import encoded, photo


def upload(seed: int = 1, name: str = "photo.png") -> ContentFile:
    return ContentFile(encoded(photo(seed=seed, size=(96, 72)), "PNG"), name)


def stored(asset: ImageAsset) -> ImageAsset:
    return ImageAsset.objects.get(pk=asset.pk)


def hash_fields(asset: ImageAsset) -> dict[str, object]:
    return ImageAsset.objects.filter(pk=asset.pk).values(*HASH_FIELDS).get()


def upsert(asset: ImageAsset, image: object = "b.png") -> None:
    ImageAsset.objects.bulk_create(
        [ImageAsset(pk=asset.pk, image=image)], update_conflicts=True, update_fields=["image"], unique_fields=["pk"]
    )
