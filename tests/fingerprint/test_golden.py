"""Fingerprints as they are stored in databases: they must not change within a version."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hashing.fingerprint.decoding import read_picture
from hashing.fingerprint.fingerprint import Fingerprint
from hashing.fingerprint.grid import shrink
from hashing.perceptual_hash import (
    compute_fingerprint,
)
from samples.pictures import encoded, waves


def fingerprint(content: bytes, **options: int) -> Fingerprint:
    return compute_fingerprint(io.BytesIO(content), **options)


def coloured(seed: int) -> Image.Image:
    return Image.merge("RGB", [waves(seed), waves(seed + 1), waves(seed + 2)])


def translucent(seed: int) -> Image.Image:
    image = waves(seed).convert("RGB")
    image.putalpha(waves(seed + 1))
    return image


def deep(seed: int) -> Image.Image:
    return Image.fromarray(np.asarray(waves(seed)).astype(np.uint16) * 257)


def turned(seed: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(waves(seed), "PNG", exif=exif)


def shading() -> Image.Image:
    rows, columns = np.indices((90, 120))
    return Image.fromarray(((2 * columns + 3 * rows) // 2).astype(np.uint8))


def golden_file(name: str) -> bytes:
    return (Path(__file__).parent / "golden" / name).read_bytes()


GOLDEN: dict[str, tuple[Callable[[], bytes], Fingerprint]] = {
    "grey": (
        lambda: encoded(waves(2005), "PNG"),
        Fingerprint(
            "2449922ccbb66ddb",
            "255b96255b96255b",
            "a8b0f401f137d4810491d481997e8b7e78e7ab7ef0178b4f3e41ab0de85e2b0f",
            98,
            96,
            72,
        ),
    ),
    "shading": (
        lambda: encoded(shading(), "PNG"),
        Fingerprint(
            "ffffffffffffffff",
            "ffffffffffffffff",
            "8000000000000000000000000000000000000000000000000000000000008000",
            31,
            120,
            90,
        ),
    ),
    "colour": (
        lambda: encoded(coloured(2554), "PNG"),
        Fingerprint(
            "54126aabae8d95d5",
            "fb0070df00c3fe00",
            "a23c1d02598514df4c8856ba2357963f3c68e1df8677689ea83168e9fd58f961",
            98,
            96,
            72,
        ),
    ),
    "alpha": (
        lambda: encoded(translucent(210), "PNG"),
        Fingerprint(
            "6c8cdb69b6923d24",
            "4249b5924afd90f3",
            "bf8de35af62f04a70e08dbe1a1dc182d86179985c1f1e5783183e9f954e266b8",
            90,
            96,
            72,
        ),
    ),
    "16 bits": (
        lambda: encoded(deep(3875), "PNG"),
        Fingerprint(
            "2a2a2a2a2a2a2a2a",
            "ff00ff00ffff00ff",
            "b52501ce6b4d01ce6b4501cc6b4501cc0144febb6b45debb6b45ceba6b45cefa",
            98,
            96,
            72,
        ),
    ),
    "turned": (
        lambda: turned(3685),
        Fingerprint(
            "3bee39ee39ee39ee",
            "33cc33cc99669966",
            "aa7f7aa2d8457aa2d8457aa2d8457aa2501805ddd84505dcd84505d8d80526e2",
            96,
            72,
            96,
        ),
    ),
    "tall": (
        lambda: encoded(waves(1062, (40, 200)), "PNG"),
        Fingerprint(
            "b649a49e49b65b61",
            "2df00f2df00f2df0",
            "db9a35b59feb35b5499ab9bd44004e42d087c6c3b33ace61071346e9bc83c4e9",
            98,
            40,
            200,
        ),
    ),
    "tiny": (
        lambda: encoded(waves(1525, (7, 6)), "PNG"),
        Fingerprint(
            "33cccc33cc3333cc",
            "6666996666996666",
            "da2cad532025ad532025ad522025d3f12025f7f32025f7f32035f7f2257df7f2",
            100,
            7,
            6,
        ),
    ),
    "reduced JPEG": (
        lambda: golden_file("reduced.jpg"),
        Fingerprint(
            "b649a49e49b65b41",
            "2df00f2df00f2df0",
            "84473cb55f5f34350f473c3d4c08436a3a4f4ee00b4b46e1d8e74e696e7b4ce1",
            98,
            640,
            560,
        ),
    ),
    "turned JPEG": (
        lambda: golden_file("turned.jpg"),
        Fingerprint(
            "6db624926db62492",
            "dbff0025d600f6ff",
            "dc08fe02d57076308bdf5650f1dad60603d7a1f2d55a8b078b75a96755f2015d",
            96,
            379,
            501,
        ),
    ),
    "large JPEG": (
        lambda: golden_file("large.jpg"),
        Fingerprint(
            "2c2c352c7c252c74",
            "aa1177aa1177aa11",
            "be29a277e05aa277a018a27728cd7faaa01c7bbaf1096bbe5f7c5cc880445dc8",
            96,
            1203,
            1029,
        ),
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_a_known_picture_has_its_known_fingerprint(name: str):
    content, expected = GOLDEN[name]
    assert fingerprint(content()) == expected


@pytest.mark.parametrize("image_format", ["BMP", "TIFF", "PPM", "JPEG2000", "WEBP", "GIF"])
def test_a_known_picture_has_the_same_fingerprint_in_every_lossless_format(image_format: str):
    options = {"WEBP": {"lossless": True}}.get(image_format, {})
    assert fingerprint(encoded(waves(2005), image_format, **options)) == GOLDEN["grey"][1]


@pytest.mark.parametrize("name", GOLDEN)
def test_no_bit_of_a_known_small_hash_is_a_close_call(name: str):
    picture = read_picture(io.BytesIO(GOLDEN[name][0]()))
    wide, tall, _ = (cells.astype(int) for cells in shrink(picture.grey, picture.box))
    assert np.abs(np.diff(wide, axis=1)).min() >= 3
    assert np.abs(np.diff(tall, axis=0)).min() >= 3
