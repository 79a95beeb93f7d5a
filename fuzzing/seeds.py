from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from PIL.ExifTags import Base
from PIL.PngImagePlugin import PngInfo

from hashing.fingerprint.opening import known_formats

SIZE = (96, 64)


def scene(mode: str) -> Image.Image:
    """Return a small picture with edges, a gradient and noise, so that every coder has something to do."""
    width, height = SIZE
    noise = np.random.default_rng(7).integers(0, 40, (height, width, 3))
    gradient = np.linspace(0, 180, width)[None, :, None]
    pixels = (noise + gradient).astype(np.uint8)
    pixels[16:40, 20:60] = (200, 30, 90)
    picture = Image.fromarray(pixels, "RGB")
    if mode == "I;16":
        return Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    if "A" in mode:
        picture.putalpha(Image.linear_gradient("L").resize(SIZE))
    return picture.convert(mode)


def exif() -> Image.Exif:
    tags = Image.Exif()
    tags[Base.Orientation] = 6
    tags[Base.Make] = "camera"
    return tags


# Format, mode, and arguments of `save`.
VARIANTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("JPEG", "RGB", {"quality": 80, "comment": b"a comment"}),
    ("JPEG", "L", {"progressive": True, "restart_marker_rows": 1}),
    ("JPEG", "CMYK", {"subsampling": 0}),
    ("JPEG", "RGB", {"progressive": True}),
    ("PNG", "RGB", {}),
    ("PNG", "P", {"bits": 4}),
    ("PNG", "I;16", {}),
    ("PNG", "RGBA", {}),
    ("PNG", "1", {}),
    ("GIF", "P", {}),
    ("WEBP", "RGB", {"quality": 60}),
    ("WEBP", "RGBA", {"lossless": True}),
    ("AVIF", "RGB", {"quality": 50}),
    ("HEIF", "RGB", {"quality": 50}),
    ("TIFF", "RGB", {}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("TIFF", "RGB", {"compression": "jpeg"}),
    ("TIFF", "1", {"compression": "group4"}),
    ("TIFF", "I;16", {"compression": "tiff_adobe_deflate"}),
    ("BMP", "RGB", {}),
    ("BMP", "P", {}),
    ("JPEG2000", "RGB", {}),
    ("JPEG2000", "RGB", {"no_jp2": True}),
    ("MPO", "RGB", {"save_all": True}),
    ("PPM", "RGB", {}),
    ("PPM", "1", {}),
)


def with_metadata(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    if name == "PNG":
        info = PngInfo()
        info.add_text("Comment", "text", zip=True)
        return arguments | {"pnginfo": info, "exif": exif(), "dpi": (72, 72)}
    if name in {"JPEG", "WEBP", "AVIF", "TIFF"}:
        return arguments | {"exif": exif()}
    return arguments


def encode(name: str, mode: str, arguments: dict[str, Any]) -> bytes:
    target, picture = BytesIO(), scene(mode)
    if name == "MPO":
        arguments = arguments | {"append_images": [picture.rotate(180)]}
    if name == "GIF":
        arguments = arguments | {"save_all": True, "append_images": [picture.rotate(90)]}
    picture.save(target, name, **with_metadata(name, arguments))
    return target.getvalue()


@cache
def seed_files() -> tuple[tuple[str, bytes], ...]:
    """Return valid files of every format that this Pillow writes and the app reads: format and content."""
    return tuple(written_files())


def written_files() -> Iterator[tuple[str, bytes]]:
    Image.init()
    for name, mode, arguments in VARIANTS:
        # Pillow opens MPO, a series of JPEGs, as a JPEG.
        if {"JPEG" if name == "MPO" else name} <= {*known_formats()} & {*Image.SAVE, *Image.SAVE_ALL}:
            yield name, encode(name, mode, arguments)
