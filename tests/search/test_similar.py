from __future__ import annotations

import itertools
import random

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as HypothesisTestCase

from hashing.models import ImageAsset
from hashing.orientations import Orientation, orient
from hashing.perceptual_hash import HASH_VERSION, Fingerprint

DETAIL = "3c" * 32
ASSET = {"perceptual_hash": f"{0x0123456789ABCDEF:016x}", "vertical_hash": f"{0xFEDCBA9876543210:016x}"}


def add(**fields) -> ImageAsset:
    fields = {"image": "x.jpg", "hash_quality": 90, "hash_version": HASH_VERSION, **ASSET, **fields}
    return ImageAsset.objects.bulk_create([ImageAsset(**fields)])[0]


def flipped(text: str, *bits: int) -> str:
    return f"{int(text, 16) ^ sum(1 << bit for bit in bits):016x}"


def keys(rows) -> list[int]:
    return [row.pk for row in rows]


def brute_force(rows, wanted: tuple[int, int], limit: int, confirm: int | None, orientations) -> dict[int, tuple]:
    """The best match of each row, as `(distance, orientation, confirm distance)`."""
    found = {}
    for row in rows:
        own = int(row.perceptual_hash, 16), int(row.vertical_hash, 16)
        for orientation in orientations:
            one, other = (
                (ours ^ theirs).bit_count() for ours, theirs in zip(own, orient(*wanted, orientation), strict=True)
            )
            if one <= limit and (confirm is None or other <= confirm):
                found[row.pk] = min(found.get(row.pk, (65,)), (one, int(orientation), other))
    return found


def neighbourhood(seed: int, count: int) -> list[ImageAsset]:
    """Rows at all distances from ASSET, many of them turned."""
    dice = random.Random(seed)
    rows = []
    for _ in range(count):
        turned = orient(*(int(text, 16) for text in ASSET.values()), dice.choice(list(Orientation)))
        reach = dice.choice([0, 1, 3, 6, 10, 20, 64])
        hashes = [bits ^ sum(1 << bit for bit in dice.sample(range(64), dice.randint(0, reach))) for bits in turned]
        rows.append(add(perceptual_hash=f"{hashes[0]:016x}", vertical_hash=f"{hashes[1]:016x}"))
    return rows


@pytest.fixture
def library(db):
    return neighbourhood(seed=1, count=300)


@pytest.mark.parametrize("confirm", [None, "same", 7])
def test_answer_is_that_of_a_scan_at_every_distance(library, confirm):
    asset = add()
    wanted = tuple(int(text, 16) for text in ASSET.values())
    for distance in range(65):
        limit = distance if confirm == "same" else confirm
        options = {} if confirm == "same" else {"confirm_distance": confirm}
        rows = ImageAsset.objects.similar_to(asset, distance, **options)
        expected = brute_force(library, wanted, distance, limit, [Orientation.UPRIGHT])
        assert {row.pk: (row.distance, 1, row.confirm_distance) for row in rows} == expected
        assert keys(rows) == sorted(expected, key=lambda pk: (expected[pk][0], pk))


def test_answer_in_any_orientation_is_that_of_a_scan_at_every_distance(library):
    asset = add()
    wanted = tuple(int(text, 16) for text in ASSET.values())
    for distance in range(65):
        rows = ImageAsset.objects.similar_to(asset, distance, any_orientation=True)
        expected = brute_force(library, wanted, distance, distance, Orientation)
        assert {row.pk: (row.distance, row.orientation, row.confirm_distance) for row in rows} == expected
        assert keys(rows) == sorted(expected, key=lambda pk: (expected[pk][0], pk))


class TestLaw(HypothesisTestCase):
    @settings(deadline=None)
    @given(st.integers(0, 2**32), st.integers(0, 12), st.one_of(st.none(), st.integers(0, 64)), st.booleans())
    def test_answer_is_that_of_a_scan(self, seed, distance, confirm, turned):
        library = neighbourhood(seed, count=20)
        rows = ImageAsset.objects.similar_to(
            Fingerprint(*ASSET.values(), DETAIL, 90, 1, 1), distance, confirm_distance=confirm, any_orientation=turned
        )
        wanted = tuple(int(text, 16) for text in ASSET.values())
        orientations = Orientation if turned else [Orientation.UPRIGHT]
        expected = brute_force(library, wanted, distance, confirm, orientations)
        assert {row.pk: row.distance for row in rows} == {pk: match[0] for pk, match in expected.items()}


def test_nearest_comes_first_and_equals_by_key(db):
    asset = add()
    far, near, next_near = (add(perceptual_hash=flipped(asset.perceptual_hash, *bits)) for bits in [(1, 2), (5,), (9,)])
    assert keys(ImageAsset.objects.similar_to(asset)) == [near.pk, next_near.pk, far.pk]


def test_is_composable(db):
    asset = add()
    copies = [add(image=f"{number}.jpg") for number in range(4)]
    rows = ImageAsset.objects.similar_to(asset)
    assert rows.count() == 4
    assert keys(rows.filter(image__gt="1.jpg").exclude(image="2.jpg")) == [copies[3].pk]
    assert keys(rows[1:3]) == keys(copies[1:3])
    assert keys(ImageAsset.objects.filter(pk__lt=copies[1].pk).similar_to(asset)) == [copies[0].pk]
    assert list(rows.values_list("pk", "distance")[:1]) == [(copies[0].pk, 0)]


def test_second_hash_confirms(db):
    asset = add()
    other = add(vertical_hash=flipped(asset.vertical_hash, *range(6)))
    assert not ImageAsset.objects.similar_to(asset).exists()
    assert keys(ImageAsset.objects.similar_to(asset, confirm_distance=6)) == [other.pk]
    assert keys(ImageAsset.objects.similar_to(asset, confirm_distance=None)) == [other.pk]


def test_one_hash_alone_is_compared_alone(db):
    row = add()
    found = ImageAsset.objects.similar_to(row.perceptual_hash.upper()).get()
    assert (found.pk, found.distance, found.confirm_distance) == (row.pk, 0, None)


def test_row_that_says_too_little_is_left_out_unless_asked_for(db):
    photograph, page = add(), add(hash_quality=3)
    assert not ImageAsset.objects.similar_to(photograph).exists()
    assert not ImageAsset.objects.similar_to(page).exists()
    assert keys(ImageAsset.objects.similar_to(photograph, include_low_quality=True)) == [page.pk]
    assert keys(ImageAsset.objects.similar_to(page, include_low_quality=True)) == [photograph.pk]


def test_minimum_quality_is_the_settings(db, settings):
    asset, other = add(hash_quality=30), add(hash_quality=29)
    settings.HASHING = {"MIN_QUALITY": 29}
    assert keys(ImageAsset.objects.similar_to(asset)) == [other.pk]
    settings.HASHING = {"MIN_QUALITY": 30}
    assert not ImageAsset.objects.similar_to(asset).exists()


def test_hash_of_unknown_quality_is_compared(db):
    asset, other = add(hash_quality=None), add(hash_quality=None)
    assert keys(ImageAsset.objects.similar_to(asset)) == [other.pk]


def test_hash_of_another_version_is_not_compared(db):
    asset, old = add(), add(hash_version=HASH_VERSION + 1)
    assert not ImageAsset.objects.similar_to(asset).exists()
    assert not ImageAsset.objects.similar_to(old).exists()


def test_asset_without_a_hash_is_similar_to_nothing(db):
    waiting = add(perceptual_hash=None, vertical_hash=None)
    add()
    assert list(ImageAsset.objects.similar_to(waiting).order_by("distance")) == []
    assert ImageAsset.objects.similar_to(waiting, any_orientation=True).count() == 0


@pytest.mark.parametrize("distance", [-1, 65])
def test_distance_that_cannot_be_is_refused(db, distance):
    with pytest.raises(ValueError, match="between 0 and 64"):
        ImageAsset.objects.similar_to(ASSET["perceptual_hash"], distance)
    with pytest.raises(ValueError, match="between 0 and 64"):
        ImageAsset.objects.similar_to(Fingerprint(*ASSET.values(), DETAIL, 90, 1, 1), confirm_distance=distance)


@pytest.mark.parametrize("text", ["", "12", "g" * 16, "0" * 17, "'; DROP TABLE x"])
def test_what_is_no_hash_is_refused(db, text):
    with pytest.raises(ValueError, match="hexadecimal"):
        ImageAsset.objects.similar_to(text)


@pytest.mark.parametrize("options", [{"confirm_distance": 3}, {"any_orientation": True}])
def test_option_that_needs_the_second_hash_says_so(db, options):
    with pytest.raises(ValueError, match="needs the vertical hash"):
        ImageAsset.objects.similar_to(ASSET["perceptual_hash"], **options)


@pytest.fixture
def many_rows(db):
    dice = random.Random(1)
    ImageAsset.objects.bulk_create(
        ImageAsset(
            image=f"{number}.jpg",
            perceptual_hash=f"{dice.getrandbits(64):016x}",
            vertical_hash=f"{dice.getrandbits(64):016x}",
            hash_quality=90,
            hash_version=HASH_VERSION,
        )
        for number in range(20_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE hashing_imageasset")


def test_no_table_is_scanned_up_to_distance_8(many_rows):
    source = Fingerprint(*ASSET.values(), DETAIL, 90, 1, 1)
    if connection.vendor == "postgresql":
        # 20,000 rows lie in 400 pages: so small a table PostgreSQL would rather scan at the larger distances.
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    for distance, turned in itertools.product(range(9), [False, True]):
        plan = ImageAsset.objects.similar_to(source, distance, any_orientation=turned).explain()
        assert "Seq Scan" not in plan
        assert "SCAN hashing_imageasset" not in plan
        assert "image_asset_band" in plan
