from __future__ import annotations

import re

import pytest
from django.db import connection

from hashing.db.table_size import clear_estimates
from hashing.fingerprint.similarity import Part, distance_of_parts, small_limit
from hashing.models import ImageAsset
from hashing.search import candidates, similar
from hashing.search.bands import BANDS, INSIDE_BANDS
from hashing.search.plan import choose_plan
from tests.search.fingerprints import INSIDE, asset, inside_fields

DIGEST = "ab" * 32
COLUMNS = "image, hash_error, created_at, hash_quality, perceptual_hash, vertical_hash, detail_hash, file_digest"
# One row in four has a frame.
FRAMED_ROWS = 25_000
ADD_FRAMES = """
    UPDATE hashing_imageasset SET inside_quality = 90, inside_perceptual_hash = {number},
        inside_vertical_hash = {number}, inside_detail_hash = {detail}
    WHERE id % 4 = 0
"""
RANDOM_INSIDE = {
    "postgresql": {"number": "(2 ^ 64 * (random() - 0.5))::bigint", "detail": "decode(detail_hash, 'hex')"},
    "sqlite": {"number": "random()", "detail": "randomblob(32)"},
}
MANY_ROWS = {
    "postgresql": f"""
        INSERT INTO hashing_imageasset ({COLUMNS})
        SELECT 'x.jpg', '', now(), 90, substr(one, 1, 16), substr(one, 17), one || two, two || one
        FROM (SELECT md5(n::text) AS one, md5((-n)::text) AS two FROM generate_series(1, 100000) AS n) AS random
    """,
    "sqlite": f"""
        WITH numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT 100000)
        INSERT INTO hashing_imageasset ({COLUMNS})
        SELECT 'x.jpg', '', '2026-01-01', 90, lower(hex(randomblob(8))), lower(hex(randomblob(8))),
            lower(hex(randomblob(32))), lower(hex(randomblob(32)))
        FROM numbers
    """,
}


DELETE_STATISTICS = """
    DELETE FROM pg_statistic WHERE starelid IN (
        SELECT 'hashing_imageasset'::regclass
        UNION SELECT indexrelid FROM pg_index WHERE indrelid = 'hashing_imageasset'::regclass
    )
"""


@pytest.fixture
def many_rows(db):
    """Random rows, and statistics of them."""
    with connection.cursor() as cursor:
        cursor.execute(MANY_ROWS[connection.vendor])
        cursor.execute(ADD_FRAMES.format(**RANDOM_INSIDE[connection.vendor]))
        cursor.execute("ANALYZE hashing_imageasset")
    clear_estimates()
    yield
    clear_estimates()
    if connection.vendor == "postgresql":
        # The statistics outlive the transaction of the test.
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM hashing_imageasset")
            cursor.execute("ANALYZE hashing_imageasset")


@pytest.mark.slow
def test_indexes_are_used_in_a_table_of_100_000_rows(many_rows, monkeypatch):
    for copies, inside_quality in ((1, None), (2, 90)):
        wanted = asset(file_digest=DIGEST, **inside_fields(INSIDE, inside_quality))
        for distance in (0, 25, 50, 100):
            plan = ImageAsset.objects.similar_to(wanted, distance).explain()
            assert "Seq Scan" not in plan
            assert "SCAN hashing_imageasset" not in plan
            assert used_indexes(plan) == planned_indexes(distance, copies)
            assert "image_asset_digest_idx" in plan
    plan = ImageAsset.objects.similar_to(wanted, any_orientation=True).explain()
    assert "Seq Scan" not in plan
    assert "SCAN hashing_imageasset" not in plan
    assert (
        "image_asset_digest_idx" in ImageAsset.objects.similar_to(asset(hash_quality=1, file_digest=DIGEST)).explain()
    )
    # All rows with a frame are read if there are few.
    monkeypatch.setattr(candidates, "estimate_framed_rows", lambda *_: 10)
    plan = ImageAsset.objects.similar_to(asset()).explain()
    assert "Seq Scan" not in plan
    assert "SCAN hashing_imageasset" not in plan
    assert len([name for name in used_indexes(plan) if "inside" in name]) == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite plans without statistics")
@pytest.mark.parametrize("any_orientation", [False, True])
def test_bands_are_looked_up_before_there_are_statistics(db, monkeypatch, any_orientation):
    monkeypatch.setattr(candidates, "estimate_rows", lambda *_: 100_000)
    monkeypatch.setattr(candidates, "estimate_framed_rows", lambda *_: FRAMED_ROWS)
    with connection.cursor() as cursor:
        # Other tests have left theirs.
        cursor.execute("TRUNCATE hashing_imageasset CASCADE")
        cursor.execute(DELETE_STATISTICS)
        cursor.execute(MANY_ROWS["postgresql"].replace("100000", "10000"))
    plan = ImageAsset.objects.similar_to(asset(file_digest=DIGEST), any_orientation=any_orientation).explain()
    assert "image_asset_version_idx" not in plan
    assert "image_asset_band1_idx" in plan


def used_indexes(plan: str) -> set[str]:
    return set(re.findall(r"image_asset_(?:band|inside)\d_idx", plan))


def planned_indexes(distance: int, copies: int) -> set[str]:
    names: set[str] = set()
    for name, bands, rows in (("band", BANDS, 100_000), ("inside", INSIDE_BANDS, FRAMED_ROWS)):
        is_partial = name == "inside"
        limit = small_limit(distance_of_parts(distance, Part.WHOLE, Part.INSIDE if is_partial else Part.WHOLE))
        plan = choose_plan(bands, limit, rows, copies, connection.vendor, is_partial=is_partial)
        names |= {f"image_asset_{name}{number}_idx" for number, radius in enumerate(plan.radii, 1) if radius >= 0}
    return names


@pytest.mark.parametrize("any_orientation", [False, True])
def test_larger_distances_are_quick_in_small_tables_only(db, monkeypatch, any_orientation):
    def largest(rows: int) -> int:
        monkeypatch.setattr(candidates, "estimate_rows", lambda *_: rows)
        monkeypatch.setattr(candidates, "estimate_framed_rows", lambda *_: rows // 6)
        return similar.largest_quick_distance(ImageAsset.objects.all(), 3000, any_orientation=any_orientation)

    assert largest(1000) == 384
    assert 100 <= largest(10_000_000) < 384
    assert largest(10**12) < largest(10**8)


def test_search_by_two_parts_is_quick_at_smaller_distances(db, monkeypatch):
    monkeypatch.setattr(candidates, "estimate_rows", lambda *_: 50_000_000)
    monkeypatch.setattr(candidates, "estimate_framed_rows", lambda *_: 8_000_000)
    one, two = (
        similar.largest_quick_distance(ImageAsset.objects.all(), 3000, any_orientation=True, is_framed=is_framed)
        for is_framed in (False, True)
    )
    assert two < one
