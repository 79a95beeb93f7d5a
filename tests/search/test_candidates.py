from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.db import NotSupportedError, connection
from django.db.backends.dummy.base import DatabaseWrapper as OtherDatabase
from hypothesis import given, settings
from hypothesis import strategies as st

from hashing.fingerprint.similarity import Part
from hashing.models import ImageAsset
from hashing.search import candidates
from hashing.search.bands import BANDS
from hashing.search.candidates import BandSearch, IsCandidate, masks
from hashing.search.plan import choose_plan
from tests.search.fingerprints import PICTURE, Hashes, add, inside_fields

ROWS = 10_000_000
FAR = Hashes(PICTURE.perceptual ^ 2**64 - 1, PICTURE.vertical ^ 2**64 - 1, 0)
TEXT = "".join(PICTURE.fields.values())


@pytest.fixture(autouse=True)
def large_table(db, monkeypatch):
    monkeypatch.setattr(candidates, "estimate_rows", lambda *_: ROWS)
    monkeypatch.setattr(candidates, "estimate_framed_rows", lambda *_: ROWS)


def candidates_of(copies: Sequence[str], distance: int, *options, parts: Sequence[Part] = (Part.WHOLE,)) -> IsCandidate:
    searches = [BandSearch.of_part(part, tuple(copies), distance) for part in parts]
    return IsCandidate("hashing_imageasset", searches, *options)


def with_band(number: int, flips: int) -> Hashes:
    """FAR, with one band of PICTURE that differs in some bits."""
    texts = {field: list(text) for field, text in FAR.fields.items()}
    band = BANDS[number]
    own = band.value_of(TEXT) ^ (1 << flips) - 1
    characters = iter(f"{own:0{band.length}x}")
    for start, length in band.substrings:
        for place in range(start - 1, start - 1 + length):
            texts[band.field][place] = next(characters)
    return Hashes(*(int("".join(text), 16) for text in texts.values()))


@pytest.mark.parametrize("distance", [0, 4, 5, 10, 20])
def test_row_is_a_candidate_when_a_band_is_within_its_radius(distance):
    radii = choose_plan(BANDS, distance, ROWS, 1, connection.vendor).radii
    inside = [add(with_band(number, radius)).pk for number, radius in enumerate(radii) if radius >= 0]
    for number, radius in enumerate(radii):
        add(with_band(number, radius + 1))
    add(FAR)
    add(perceptual_hash=None, vertical_hash=None)
    found = ImageAsset.objects.filter(candidates_of([TEXT], distance)).order_by("pk")
    assert [row.pk for row in found] == inside


def test_candidates_of_several_copies_are_those_of_each():
    others = [Hashes(0, 0, 0), Hashes(2**64 - 1, 2**64 - 1, 0)]
    for hashes in (PICTURE, *others):
        add(hashes)
    texts = ["".join(other.fields.values()) for other in others]
    found = ImageAsset.objects.filter(candidates_of(texts, 5)).values_list("perceptual_hash", flat=True)
    assert set(found) == {other.fields["perceptual_hash"] for other in others}


def test_rows_below_the_minimum_quality_are_not_candidates():
    page, photograph, unknown = add(hash_quality=34), add(hash_quality=35), add(hash_quality=None)
    rows = ImageAsset.objects.order_by("pk")
    assert list(rows.filter(candidates_of([TEXT], 5, 35))) == [photograph, unknown]
    assert list(rows.filter(candidates_of([TEXT], 5))) == [page, photograph, unknown]


@pytest.mark.parametrize("framed_rows", [10, ROWS], ids=["all read", "looked up"])
def test_rows_with_a_near_inside_are_candidates(monkeypatch, framed_rows):
    monkeypatch.setattr(candidates, "estimate_framed_rows", lambda *_: framed_rows)
    near, far = (add(FAR, **inside_fields(inside)) for inside in (PICTURE, FAR))
    add(FAR)
    rows = ImageAsset.objects.order_by("pk")
    with_insides = candidates_of([TEXT], 20, 35, parts=list(Part))
    assert list(rows.filter(with_insides)) == ([near, far] if framed_rows == 10 else [near])
    assert list(rows.filter(candidates_of([TEXT], 5, 35))) == []


def test_row_with_the_same_digest_is_a_candidate():
    same, _other = add(FAR, file_digest="ab" * 32, hash_quality=0), add(FAR, file_digest="cd" * 32)
    assert list(ImageAsset.objects.filter(candidates_of([TEXT], 5, 35, "ab" * 32))) == [same]


def test_other_databases_are_refused():
    compiler = ImageAsset.objects.all().query.get_compiler(connection=OtherDatabase({}))
    with pytest.raises(NotSupportedError, match="not by unknown"):
        compiler.compile(candidates_of([TEXT], 5))


def test_every_row_is_a_candidate_where_a_scan_costs_less(monkeypatch):
    monkeypatch.setattr(candidates, "estimate_rows", lambda *_: 10)
    add(FAR)
    assert ImageAsset.objects.filter(candidates_of([TEXT], 20)).count() == 1
    assert "SUBSTR" not in str(ImageAsset.objects.filter(candidates_of([TEXT], 20)).query)


@settings(deadline=None)
@given(st.sets(st.integers(0, 62), max_size=14), st.integers(0, 2**63 - 1), st.integers(-1, 3))
def test_masks_are_all_values_within_the_radius(positions, value, radius):
    chosen = masks(tuple(positions), radius)
    assert len(set(chosen)) == len(chosen)
    value &= sum(1 << position for position in positions)
    assert (value in chosen) == (value.bit_count() <= radius)
