"""Print the first rows of the table of images: `python -m samples.show_table`."""

from __future__ import annotations

import os

import django

from hashing.text import printable

ROWS = 100
ROW = "{:>4}  {:<34}  {:>11}  {:>7}  {:<16}  {:<16}  {:>7}"
FAILED_ROW = "{:>4}  {:<34}  {}"
COLUMNS = (
    "pk",
    "image",
    "width",
    "height",
    "file_size",
    "perceptual_hash",
    "vertical_hash",
    "hash_quality",
    "hash_error",
)


def show_table() -> None:
    from hashing.models import ImageAsset

    print(ROW.format("key", "image", "pixels", "bytes", "perceptual_hash", "vertical_hash", "quality"))
    for row in ImageAsset.objects.order_by("image").values_list(*COLUMNS)[:ROWS]:
        print(format_row(*row))
    hashed, total = ImageAsset.objects.hashed().count(), ImageAsset.objects.count()
    print(f"\n{total} rows: {hashed} hashed, {ImageAsset.objects.failed().count()} failed")


def format_row(key: int, image: str, width: int | None, height: int | None, *values: object) -> str:
    name = printable("/".join(image.split("/")[-2:]))
    *others, error = values
    if error:
        return FAILED_ROW.format(key, name, error)
    pixels = f"{width} x {height}" if width and height else ""
    return ROW.format(key, name, pixels, *("" if other is None else other for other in others))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch.settings")
    django.setup()
    show_table()
