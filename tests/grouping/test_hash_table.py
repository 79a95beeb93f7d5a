from __future__ import annotations

from collections.abc import Container

import numpy as np
import pytest
from django.db import connection

from hashing.grouping.hash_table import Entries, HashTable, read_hashes
from hashing.hamming_join.fingerprints import Fingerprints, RowKind
from hashing.models import ImageAsset
from tests.grouping.conftest import PICTURES

only_on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="refused when it is stored")


def table(*rows: tuple[int, int, int, int], framed: Container[int] = ()) -> HashTable:
    perceptual, vertical, detail, quality = (np.array(column, dtype=np.uint64) for column in zip(*rows, strict=True))
    details = np.stack([detail * 0, detail * 0, detail * 0, detail], axis=1)
    kind = np.array([RowKind.FRAMED if row in framed else RowKind.UNFRAMED for row in range(len(rows))], np.uint8)
    fingerprints = Fingerprints(perceptual, vertical, details, quality.astype(np.uint8), kind)
    return HashTable(np.arange(10, 10 + len(rows)), fingerprints)


def test_hashes_are_read_in_the_order_of_their_keys(add_hashed, monkeypatch):
    monkeypatch.setattr("hashing.grouping.hash_table.PAGE", 2)
    rows = [add_hashed(number, hash_quality=None if number == 1 else 90) for number in range(3)]
    told: list[int] = []
    read = read_hashes(ImageAsset.objects.order_by("-pk"), None, told.append)
    assert read.keys.tolist() == [row.pk for row in rows]
    perceptual, vertical, detail, quality, kind = read.fingerprints
    assert perceptual.tolist() == PICTURES[:3]
    assert [f"{bits:016x}" for bits in vertical.tolist()] == [row.vertical_hash for row in rows]
    assert ["".join(f"{word:016x}" for word in words) for words in detail.tolist()] == [row.detail_hash for row in rows]
    assert quality.tolist() == [90, 100, 90]
    assert not kind.any()
    assert told == [66, 100]


def test_only_rows_with_the_keys_are_read(add_hashed):
    rows = [add_hashed(number) for number in range(3)]
    read = read_hashes(ImageAsset.objects.all(), {rows[2].pk, rows[0].pk, 999}, lambda _per_cent: None)
    assert read.keys.tolist() == [rows[0].pk, rows[2].pk]


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("perceptual_hash", "abc"),
        # On PostgreSQL, the indexes take no small hash that is not hexadecimal.
        pytest.param("perceptual_hash", "no hash at all !", marks=only_on_sqlite),
        ("detail_hash", "abc"),
        ("detail_hash", "no hash at all !"),
    ],
)
def test_row_with_an_invalid_hash_is_left_out(add_hashed, field, text):
    add_hashed(**{field: text * (4 if field == "detail_hash" else 1)})
    row = add_hashed()
    assert read_hashes(ImageAsset.objects.all(), None, lambda _per_cent: None).keys.tolist() == [row.pk]


def test_rows_whose_hashes_contain_spaces_are_left_out(add_hashed):
    for _ in range(4):
        add_hashed(detail_hash="ab" * 24 + " " * 16)
    row = add_hashed()
    assert read_hashes(ImageAsset.objects.all(), None, lambda _per_cent: None).keys.tolist() == [row.pk]


def test_empty_table_has_no_entries(db):
    read = read_hashes(ImageAsset.objects.all(), None, lambda _per_cent: None)
    assert len(Entries.of(read)) == 0


ROWS = [(5, 1, 7, 90), (3, 1, 7, 90), (5, 1, 7, 90), (5, 2, 7, 90), (5, 2, 8, 90), (5, 2, 8, 91)]


def test_equal_fingerprints_are_one_entry():
    entries = Entries.of(table(*ROWS))
    perceptual, vertical, detail, quality, _kind = entries.fingerprints
    columns = (perceptual.tolist(), vertical.tolist(), detail[:, 3].tolist(), quality.tolist())
    assert list(zip(*columns, strict=True)) == sorted(set(ROWS))
    assert entries.sizes.tolist() == [1, 2, 1, 1, 1]


def test_rows_of_chosen_entries_come_with_their_entries():
    entries = Entries.of(table(*ROWS))
    assert entries.entries_by_key(np.array([True, True, False, False, False])) == {11: (0,), 10: (1,), 12: (1,)}


def test_framed_rows_are_entries_of_their_own_and_come_with_both_of_theirs():
    read = table(ROWS[0], ROWS[2], (5, 1, 7, 90), (9, 1, 7, 90), framed=[1])
    entries = Entries.of(read._replace(keys=np.array([10, 11, 12, 11])))
    assert entries.match_themselves.tolist() == [True, False, True]
    assert entries.entries_by_key(np.full(3, fill_value=True)) == {10: (0,), 12: (0,), 11: (1, 2)}
    first, second = np.array([0, 0, 1]), np.array([1, 2, 2])
    assert entries.are_one_row(first, second).tolist() == [False, False, True]


INSIDE = {
    "inside_perceptual_hash": "1" * 16,
    "inside_vertical_hash": "2" * 16,
    "inside_detail_hash": "3" * 64,
    "inside_quality": 80,
}


def read_parts() -> list[tuple[int, int, RowKind]]:
    keys, fingerprints = read_hashes(ImageAsset.objects.all(), None, lambda _per_cent: None)
    return list(zip(keys.tolist(), fingerprints.quality.tolist(), fingerprints.kind.tolist(), strict=True))


def test_insides_of_frames_are_read(add_hashed, settings):
    plain, framed = add_hashed(), add_hashed(**INSIDE)
    assert read_parts() == [
        (plain.pk, 90, RowKind.UNFRAMED),
        (framed.pk, 90, RowKind.FRAMED),
        (framed.pk, 80, RowKind.INSIDE),
    ]
    settings.HASHING = {"COMPARE_INSIDE_FRAMES": False}
    assert read_parts() == [(plain.pk, 90, RowKind.UNFRAMED), (framed.pk, 90, RowKind.UNFRAMED)]


def test_each_part_needs_the_minimum_quality(add_hashed):
    add_hashed(hash_quality=34)
    vague = add_hashed(**INSIDE, hash_quality=34)
    vague_inside = add_hashed(**INSIDE | {"inside_quality": 34})
    assert read_parts() == [(vague.pk, 80, RowKind.INSIDE), (vague_inside.pk, 90, RowKind.FRAMED)]


def test_entries_are_found_by_keys():
    entries = Entries.of(table(*ROWS))
    assert sorted(entries.with_keys({12, 14, 999}).tolist()) == [1, 3]
    assert entries.with_keys(set()).tolist() == []
