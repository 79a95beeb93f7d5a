from __future__ import annotations

import random

import imagehash
import pytest
from PIL import Image

from hashing.exchange.foreign_hashes import MIN_COMPARED, ForeignHash, Kinship, compare, parse_foreign
from hashing.fingerprint.fingerprint import Hashes, parse_hashes
from hashing.perceptual_hash import compute_fingerprint
from samples.pictures import photo


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0123456789ABCDEF", ForeignHash(64, 0x0123456789ABCDEF)),
        (" 0x0123456789abcdef\n", ForeignHash(64, 0x0123456789ABCDEF)),
        ("f" * 32, ForeignHash(128, 2**128 - 1)),
        ("0" * 64, ForeignHash(256, 0)),
        (bytes.fromhex("01" * 8), ForeignHash(64, 0x0101010101010101)),
        (memoryview(b"\xff" * 16), ForeignHash(128, 2**128 - 1)),
        (5, ForeignHash(64, 5)),
        # A column of 64 bits is signed.
        (-1, ForeignHash(64, 2**64 - 1)),
        (2**64 - 1, ForeignHash(64, 2**64 - 1)),
        (2**64, None),
        (-(2**63) - 1, None),
        (True, None),
        ("f" * 15, None),
        ("no hash at all !", None),
        ("", None),
        (None, None),
        (1.5, None),
    ],
)
def test_hashes_are_read_as_other_programs_store_them(value, expected):
    assert parse_foreign(value) == expected


OWN = [Hashes(*(random.Random(seed).getrandbits(bits) for bits in (64, 64, 256))) for seed in range(40)]


def foreign(own: Hashes[int], bits: int, off: int) -> ForeignHash:
    number = {64: own.perceptual, 128: own.perceptual << 64 | own.vertical, 256: own.detail}[bits]
    return ForeignHash(bits, number ^ ((1 << off) - 1))


@pytest.mark.parametrize(
    ("bits", "off", "kinship"),
    [
        (64, 0, Kinship.COMPARABLE),
        (64, 2, Kinship.COMPARABLE),
        (64, 3, Kinship.RELATED),
        (64, 16, Kinship.RELATED),
        (64, 17, Kinship.UNRELATED),
        (128, 4, Kinship.COMPARABLE),
        (128, 22, Kinship.RELATED),
        (256, 8, Kinship.COMPARABLE),
    ],
)
def test_the_median_decides(bits, off, kinship):
    nearest = compare((foreign(own, bits, off), own) for own in OWN)[0]
    assert nearest.kinship == kinship
    assert (nearest.compared, nearest.median, nearest.equal) == (40, off, 0 if off else 40)


def test_few_images_say_nothing():
    pairs = [(foreign(own, 64, 0), own) for own in OWN[: MIN_COMPARED - 1]]
    assert compare(pairs)[0].kinship == Kinship.UNRELATED
    assert compare([]) == []


def test_hashes_of_other_pictures_are_changed():
    [nearest] = compare((foreign(own, 128, 0), own) for own in OWN)
    assert not nearest.is_changed(21)
    assert nearest.is_changed(22)
    assert nearest.distance(foreign(OWN[0], 128, 9), OWN[0]) == 9


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> list[tuple[Image.Image, Hashes[int]]]:
    folder, found = tmp_path_factory.mktemp("pictures"), []
    for seed in range(MIN_COMPARED):
        path = folder / f"{seed}.png"
        photo(seed=seed, size=(160, 120)).save(path)
        with path.open("rb") as file:
            own = compute_fingerprint(file)
        found.append((Image.open(path), parse_hashes(own.perceptual_hash, own.vertical_hash, own.detail_hash)))
    return found


@pytest.mark.parametrize(
    ("compute", "layout"),
    [
        (imagehash.dhash, "perceptual_hash"),
        (imagehash.dhash_vertical, "vertical_hash"),
        (lambda image: f"{imagehash.dhash(image)}{imagehash.dhash_vertical(image)}", "perceptual_hash + vertical_hash"),
        (lambda image: imagehash.phash(image, hash_size=16), "detail_hash"),
    ],
)
def test_hashes_of_imagehash_that_are_comparable(pictures, compute, layout):
    nearest = compare((parse_foreign(str(compute(image))), own) for image, own in pictures)[0]
    assert (nearest.layout.name, nearest.kinship) == (layout, Kinship.COMPARABLE)


@pytest.mark.parametrize("compute", [imagehash.phash, imagehash.average_hash, imagehash.whash])
def test_hashes_of_imagehash_that_are_not_comparable(pictures, compute):
    found = compare((parse_foreign(str(compute(image))), own) for image, own in pictures)
    assert {each.kinship for each in found} == {Kinship.UNRELATED}


def row_and_column_hash(image: Image.Image) -> ForeignHash:
    """What the package `dhash` computes: the rows and columns of one square of 9 x 9, not of 9 x 8 and 8 x 9."""
    grey = image.convert("L").resize((9, 9), Image.Resampling.LANCZOS).load()
    cells = [(x, y) for y in range(8) for x in range(8)]
    bits = [grey[x, y] < grey[x + 1, y] for x, y in cells] + [grey[x, y] < grey[x, y + 1] for x, y in cells]
    return ForeignHash(128, int("".join(str(int(bit)) for bit in bits), 2))


def test_hashes_of_the_package_dhash_are_related(pictures):
    [nearest] = compare((row_and_column_hash(image), own) for image, own in pictures)
    assert nearest.kinship == Kinship.RELATED
