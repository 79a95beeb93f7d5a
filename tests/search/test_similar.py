from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as HypothesisTestCase

from hashing.fingerprint.fingerprint import HASH_VERSION, Fingerprint, Inside, InsideBox
from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import Framing
from hashing.models import ImageAsset
from hashing.search import candidates
from tests.search.fingerprints import (
    INSIDE,
    PICTURE,
    QUALITIES,
    Hashes,
    Match,
    add,
    add_neighbourhood,
    asset,
    brute_force,
    inside_fields,
)

DIGEST = "ab" * 32
LARGE_TABLE = 10_000_000
FAR = Hashes(PICTURE.perceptual ^ 2**64 - 1, PICTURE.vertical ^ 2**64 - 1, PICTURE.detail ^ 2**256 - 1)


def keys(rows) -> list[int]:
    return [row.pk for row in rows]


def found(rows) -> dict[int, Match]:
    return {row.pk: Match(row.distance, row.framing, getattr(row, "orientation", 1)) for row in rows}


@pytest.fixture(params=[100, LARGE_TABLE], ids=["scanned", "looked up"])
def table_size(request, monkeypatch) -> int:
    """The same rows, searched as those of a small table and of a large one are."""
    monkeypatch.setattr(candidates, "estimate_rows", lambda *_: request.param)
    monkeypatch.setattr(candidates, "estimate_framed_rows", lambda *_: request.param)
    return request.param


@pytest.fixture
def library(db):
    return add_neighbourhood(seed=1, count=200)


@pytest.mark.parametrize(("quality", "inside_quality"), [(100, None), (57, 90), (36, 36)])
def test_answer_equals_brute_force_at_every_distance(library, table_size, quality, inside_quality):
    wanted = add(hash_quality=quality, **inside_fields(INSIDE, inside_quality))
    # Where values are looked up, one distance for each number of bits of the small hashes.
    steps = range(quality % 8, 385, 8)
    for distance in steps if table_size < LARGE_TABLE else range(quality % 5, 150, 5):
        rows = list(ImageAsset.objects.similar_to(wanted, distance))
        expected = brute_force(library, wanted, distance)
        assert found(rows) == expected
        assert keys(rows) == sorted(expected, key=lambda pk: (expected[pk].distance, pk))


@pytest.mark.parametrize(("quality", "inside_quality"), [(90, None), (41, 42)])
def test_answer_in_any_orientation_equals_brute_force(library, table_size, quality, inside_quality):
    wanted = add(hash_quality=quality, **inside_fields(INSIDE, inside_quality))
    for distance in [*range(0, 125, 9), 200, 384]:
        rows = list(ImageAsset.objects.similar_to(wanted, distance, any_orientation=True))
        expected = brute_force(library, wanted, distance, Orientation)
        assert found(rows) == expected
        assert keys(rows) == sorted(expected, key=lambda pk: (expected[pk].distance, pk))


def test_answer_for_one_hash_equals_brute_force_at_every_distance(library, table_size):
    text = PICTURE.fields["perceptual_hash"]
    far = {row.pk: (int(row.perceptual_hash, 16) ^ PICTURE.perceptual).bit_count() for row in library}
    clear = {row.pk for row in library if row.hash_quality is None or row.hash_quality >= 35}
    for distance in range(65):
        rows = list(ImageAsset.objects.similar_to(text, distance))
        assert {row.pk: row.distance for row in rows} == {pk: far[pk] for pk in clear if far[pk] <= distance}
        assert keys(rows) == sorted(keys(rows), key=lambda pk: (far[pk], pk))


class TestLaw(HypothesisTestCase):
    @settings(deadline=None, max_examples=60)
    @given(
        st.integers(0, 2**32),
        st.integers(0, 384),
        st.sampled_from(QUALITIES),
        st.sampled_from(QUALITIES),
        st.booleans(),
        st.booleans(),
        st.sampled_from([(0, 0), (LARGE_TABLE, 0), (LARGE_TABLE, LARGE_TABLE)]),
    )
    def test_answer_equals_brute_force(self, seed, distance, quality, inside_quality, turned, low, sizes):
        library = add_neighbourhood(seed, count=20)
        wanted = add(hash_quality=quality, **inside_fields(INSIDE, inside_quality))
        orientations = Orientation if turned else [Orientation.UPRIGHT]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(candidates, "estimate_rows", lambda *_: sizes[0])
            patch.setattr(candidates, "estimate_framed_rows", lambda *_: sizes[1])
            rows = ImageAsset.objects.similar_to(wanted, distance, any_orientation=turned, include_low_quality=low)
            expected = brute_force(library, wanted, distance, orientations, min_quality=0 if low else 35)
            assert found(rows) == expected

    @settings(deadline=None, max_examples=20)
    @given(st.integers(0, 2**32), st.integers(0, 384), st.booleans())
    def test_match_is_mutual(self, seed, distance, low):
        library = add_neighbourhood(seed, count=12)
        mirrored = {Framing.ROW: Framing.QUERY, Framing.QUERY: Framing.ROW}
        matches = {
            (one.pk, match.pk): (match.distance, match.framing)
            for one in library
            for match in ImageAsset.objects.similar_to(one, distance, include_low_quality=low)
        }
        for (one, other), (far, framing) in matches.items():
            back, back_framing = matches[other, one]
            assert back == far
            # At an equal distance, the lower value counts.
            assert back_framing == mirrored.get(framing, framing) or {framing, back_framing} == {Framing.ROW}


def test_default_limit_is_the_setting(db, settings):
    wanted, near, far = add(), add(PICTURE.flipped(range(8), range(40))), add(PICTURE.flipped(range(20), range(80)))
    assert keys(ImageAsset.objects.similar_to(wanted)) == [near.pk, far.pk]
    settings.HASHING = {"MAX_DISTANCE": 48}
    assert keys(ImageAsset.objects.similar_to(wanted)) == [near.pk]
    assert keys(ImageAsset.objects.similar_to(wanted, 100)) == [near.pk, far.pk]


def test_one_hash_alone_matches_within_5_bits(db):
    row = add(PICTURE.flipped([64, 65, 66, 67, 68], range(200)), detail_hash=None)
    add(PICTURE.flipped(range(64, 70), []))
    match = ImageAsset.objects.similar_to(PICTURE.fields["perceptual_hash"].upper()).get()
    assert (match.pk, match.distance) == (row.pk, 5)


def test_equal_distances_are_ordered_by_key(db):
    wanted = add()
    far, near, next_near = (add(PICTURE.flipped(bits, [])) for bits in [(1, 2), (5,), (9,)])
    assert keys(ImageAsset.objects.similar_to(wanted)) == [near.pk, next_near.pk, far.pk]


@pytest.mark.parametrize("options", [{}, {"any_orientation": True}])
def test_is_composable(db, table_size, options):
    wanted = add(file_digest=DIGEST)
    copies = [
        add(image="0.jpg"),
        add(image="1.jpg", **inside_fields(FAR)),
        add(FAR, image="2.jpg", **inside_fields(PICTURE)),
        add(image="3.jpg", file_digest=DIGEST),
    ]
    rows = ImageAsset.objects.similar_to(wanted, **options)
    assert rows.count() == 4
    assert rows.exists()
    assert keys(rows.filter(image__gt="1.jpg").exclude(image="2.jpg")) == [copies[3].pk]
    assert keys(rows.exclude(distance__gt=0)) == keys(copies)
    assert keys(rows[1:3]) == keys(copies[1:3])
    assert keys(rows.order_by("-image")) == keys(copies[::-1])
    assert keys(rows.reverse()[:1]) == [copies[3].pk]
    assert keys(ImageAsset.objects.filter(pk__lt=copies[1].pk).similar_to(wanted, **options)) == [copies[0].pk]
    assert list(rows.values_list("pk", "distance")[:1]) == [(copies[0].pk, 0)]
    assert keys(rows.filter(framing=Framing.ROW)) == [copies[2].pk]
    assert keys(ImageAsset.objects.filter(pk__in=rows.values("pk")).order_by("pk")) == keys(copies)
    assert not ImageAsset.objects.exclude(pk__in=rows.values("pk")).exclude(pk=wanted.pk).exists()
    assert set(keys(rows | ImageAsset.objects.similar_to(wanted, **options))) == set(keys(copies))
    assert rows.update(width=7) == 4


def test_equal_files_match_whatever_their_hashes_are(db, table_size):
    wanted = add(file_digest=DIGEST)
    same = [
        add(Hashes(1, 2, 3), file_digest=DIGEST, hash_quality=0),
        add(perceptual_hash=None, vertical_hash=None, detail_hash=None, file_digest=DIGEST),
        add(hash_version=HASH_VERSION + 1, file_digest=DIGEST),
    ]
    near = add(PICTURE.flipped([1], []), file_digest="cd" * 32)
    for options in ({}, {"any_orientation": True}):
        rows = ImageAsset.objects.similar_to(wanted, **options)
        assert found(rows) == {row.pk: Match(0, 0, 1) for row in same} | {near.pk: Match(1, 0, 1)}


@pytest.mark.parametrize(
    "fields",
    [
        {"hash_quality": 3},
        {"perceptual_hash": None, "vertical_hash": None, "detail_hash": None, "hash_error": "broken"},
        {"detail_hash": None},
    ],
)
def test_picture_that_is_not_searchable_matches_only_equal_files(db, fields):
    wanted, same = add(file_digest=DIGEST, **fields), add(file_digest=DIGEST, **fields)
    add()
    for options in ({}, {"any_orientation": True}):
        rows = ImageAsset.objects.similar_to(wanted, **options)
        assert list(rows.order_by("distance").values_list("pk", "distance")) == [(same.pk, 0)]
    without_digest = add(**fields)
    assert list(ImageAsset.objects.similar_to(without_digest).order_by("distance")) == []
    assert ImageAsset.objects.similar_to(without_digest, any_orientation=True).count() == 0


def test_rows_of_low_quality_match_only_on_request(db, table_size):
    photograph, page = add(), add(hash_quality=3)
    assert not ImageAsset.objects.similar_to(photograph).exists()
    assert not ImageAsset.objects.similar_to(page).exists()
    assert keys(ImageAsset.objects.similar_to(photograph, include_low_quality=True)) == [page.pk]
    assert keys(ImageAsset.objects.similar_to(page, include_low_quality=True)) == [photograph.pk]


def test_minimum_quality_is_the_setting(db, settings):
    wanted, other = add(hash_quality=50), add(hash_quality=49)
    settings.HASHING = {"MIN_QUALITY": 49}
    assert keys(ImageAsset.objects.similar_to(wanted)) == [other.pk]
    settings.HASHING = {"MIN_QUALITY": 50}
    assert not ImageAsset.objects.similar_to(wanted).exists()


@pytest.mark.parametrize("options", [{}, {"any_orientation": True}])
def test_framed_copy_matches_by_its_inside(db, table_size, options):
    plain, padded, other = add(), add(FAR, **inside_fields(PICTURE)), add(FAR)
    near = add(FAR, **inside_fields(PICTURE.flipped([1], [])))
    assert found(ImageAsset.objects.similar_to(plain, **options)) == {
        padded.pk: Match(0, Framing.ROW, 1),
        near.pk: Match(1, Framing.ROW, 1),
    }
    assert found(ImageAsset.objects.similar_to(padded, **options)) == {
        plain.pk: Match(0, Framing.QUERY, 1),
        near.pk: Match(1, Framing.BOTH, 1),
        other.pk: Match(0, Framing.NONE, 1),
    }


def test_wholes_of_framed_pictures_are_not_compared(db, table_size):
    one, _other = add(**inside_fields(INSIDE)), add(**inside_fields(FAR))
    assert not ImageAsset.objects.similar_to(one).exists()


def test_turned_inside_has_the_orientation_of_its_match(db, table_size):
    plain, turned = add(), add(FAR, **inside_fields(PICTURE.oriented(Orientation.TURNED_LEFT)))
    rows = ImageAsset.objects.similar_to(plain, any_orientation=True)
    assert found(rows) == {turned.pk: Match(0, Framing.ROW, Orientation.TURNED_LEFT)}


def test_each_inside_has_its_own_quality(db, table_size):
    plain = add()
    low = add(FAR, hash_quality=90, **inside_fields(PICTURE, 34))
    clear = add(FAR, hash_quality=3, **inside_fields(PICTURE, 35))
    assert keys(ImageAsset.objects.similar_to(plain)) == [clear.pk]
    assert keys(ImageAsset.objects.similar_to(low)) == []
    assert keys(ImageAsset.objects.similar_to(clear)) == [plain.pk]
    assert keys(ImageAsset.objects.similar_to(plain, include_low_quality=True)) == [low.pk, clear.pk]


def test_insides_are_not_compared_where_the_site_does_not_want_it(db, table_size, settings):
    settings.HASHING = {"COMPARE_INSIDE_FRAMES": False}
    plain, padded = add(), add(FAR, **inside_fields(PICTURE))
    other = add(FAR, **inside_fields(FAR))
    assert keys(ImageAsset.objects.similar_to(plain)) == []
    assert found(ImageAsset.objects.similar_to(padded)) == {other.pk: Match(0, Framing.NONE, 1)}
    assert "inside" not in str(ImageAsset.objects.similar_to(padded).values("pk").query)


def test_one_hash_alone_is_not_compared_with_insides(db, table_size):
    add(FAR, **inside_fields(PICTURE))
    assert not ImageAsset.objects.similar_to(PICTURE.fields["perceptual_hash"]).exists()


def test_search_by_a_framed_fingerprint(db):
    row = add()
    inside = Inside(**PICTURE.fields, quality=90, box=InsideBox(100, 100, 900, 900))
    picture = Fingerprint(**FAR.fields, quality=90, width=1, height=1, inside=inside)
    assert found(ImageAsset.objects.similar_to(picture)) == {row.pk: Match(0, Framing.QUERY, 1)}


def test_row_without_a_detail_hash_does_not_match(db, table_size):
    wanted = add()
    add(detail_hash=None)
    assert not ImageAsset.objects.similar_to(wanted, 384).exists()
    assert not ImageAsset.objects.similar_to(wanted, 384, any_orientation=True).exists()


@pytest.mark.parametrize("any_orientation", [False, True])
def test_only_hashes_of_one_version_are_compared(db, table_size, any_orientation):
    new, copy, unknown = add(), add(), add(hash_version=None)
    old, old_copy = add(hash_version=0), add(hash_version=0)

    def similar(wanted: ImageAsset) -> list[int]:
        return keys(ImageAsset.objects.similar_to(wanted, any_orientation=any_orientation))

    assert similar(new) == keys([copy, unknown])
    assert similar(unknown) == keys([new, copy])
    assert similar(old) == keys([old_copy])


def test_hash_alone_is_one_of_the_current_version(db):
    current = add()
    add(hash_version=0)
    assert keys(ImageAsset.objects.similar_to(current.perceptual_hash)) == [current.pk]


def test_unsaved_row_can_be_searched_by(db):
    row = add()
    assert keys(ImageAsset.objects.similar_to(asset())) == [row.pk]


@pytest.mark.parametrize("distance", [-1, 385])
def test_distance_out_of_range_is_refused(db, distance):
    with pytest.raises(ValueError, match="between 0 and 384"):
        ImageAsset.objects.similar_to(asset(), distance)


@pytest.mark.parametrize("distance", [-1, 65])
def test_distance_of_one_hash_out_of_range_is_refused(db, distance):
    with pytest.raises(ValueError, match="between 0 and 64"):
        ImageAsset.objects.similar_to(PICTURE.fields["perceptual_hash"], distance)


@pytest.mark.parametrize("text", ["", "12", "g" * 16, "0" * 17, "'; DROP TABLE x"])
def test_malformed_hash_is_refused(db, text):
    with pytest.raises(ValueError, match="hexadecimal"):
        ImageAsset.objects.similar_to(text)


def test_one_hash_has_no_orientations(db):
    with pytest.raises(ValueError, match="needs all three hashes"):
        ImageAsset.objects.similar_to(PICTURE.fields["perceptual_hash"], any_orientation=True)
