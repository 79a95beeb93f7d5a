from __future__ import annotations

import numpy as np
import pytest

from hashing.grouping.hash_table import Entries, HashTable, read_hashes
from hashing.models import ImageAsset
from tests.grouping.conftest import PICTURES


def table(*couples: tuple[int, int]) -> HashTable:
    columns = zip(*couples, strict=True)
    return HashTable(np.arange(10, 10 + len(couples)), *(np.array(column, dtype=np.uint64) for column in columns))


def test_hashes_are_read_in_the_order_of_their_keys(add_hashed, monkeypatch):
    monkeypatch.setattr("hashing.grouping.hash_table.PAGE", 2)
    rows = [add_hashed(number) for number in range(3)]
    told: list[int] = []
    read = read_hashes(ImageAsset.objects.order_by("-pk"), None, told.append)
    assert read.keys.tolist() == [row.pk for row in rows]
    assert read.perceptual.tolist() == PICTURES[:3]
    assert [f"{bits:016x}" for bits in read.vertical.tolist()] == [row.vertical_hash for row in rows]
    assert told == [66, 100]


def test_chosen_rows_alone_are_read(add_hashed):
    rows = [add_hashed(number) for number in range(3)]
    read = read_hashes(ImageAsset.objects.all(), {rows[2].pk, rows[0].pk, 999}, lambda _per_cent: None)
    assert read.keys.tolist() == [rows[0].pk, rows[2].pk]


@pytest.mark.parametrize("text", ["abc", "no hash at all !"])
def test_row_whose_hash_is_of_another_kind_is_left_out(add_hashed, text):
    add_hashed(perceptual_hash=text)
    row = add_hashed()
    assert read_hashes(ImageAsset.objects.all(), None, lambda _per_cent: None).keys.tolist() == [row.pk]


def test_empty_table_has_no_entries(db):
    read = read_hashes(ImageAsset.objects.all(), None, lambda _per_cent: None)
    assert len(Entries.of(read)) == 0


def test_equal_couples_are_one_entry():
    entries = Entries.of(table((5, 1), (3, 1), (5, 1), (5, 2)))
    assert list(zip(entries.perceptual.tolist(), entries.vertical.tolist(), strict=True)) == [(3, 1), (5, 1), (5, 2)]
    assert entries.sizes.tolist() == [1, 2, 1]


def test_rows_of_chosen_entries_come_with_their_entry():
    entries = Entries.of(table((5, 1), (3, 1), (5, 1), (5, 2)))
    positions, entry_of = entries.rows_of(np.array([True, True, False]))
    assert (positions.tolist(), entry_of.tolist()) == ([1, 0, 2], [0, 1, 1])
