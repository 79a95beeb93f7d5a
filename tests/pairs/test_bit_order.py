from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashing.pairs.bit_order import CHUNK, BitOrder, bits_of, mask_of

uint64 = st.integers(0, 2**64 - 1)


def apply(order: BitOrder, value: int) -> int:
    return int(order.apply(np.array([value], np.uint64))[0])


@given(uint64, uint64)
def test_the_bits_of_the_mask_come_first_and_in_their_order(mask: int, value: int):
    sources = bits_of(mask) + [bit for bit in range(63, -1, -1) if not mask >> bit & 1]
    expected = int("".join(str(value >> bit & 1) for bit in sources), 2)
    assert apply(BitOrder.with_first(mask), value) == expected


@given(st.permutations(range(64)), uint64)
def test_the_inverse_puts_the_bits_back(sources: list[int], value: int):
    order = BitOrder(sources)
    assert apply(order.inverse, apply(order, value)) == value


def test_distances_stay_and_the_order_follows_the_mask():
    order = BitOrder.with_first(0b1010)
    assert [apply(order, value) for value in (0b1000, 0b0010, 0b0001)] == [1 << 63, 1 << 62, 1]


@pytest.mark.parametrize("count", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_every_value_is_moved_and_the_given_array_stays(count: int):
    values = np.arange(count, dtype=np.uint64)
    moved = BitOrder.with_first(1).apply(values)
    # The lowest bit goes to the top, all others one place down.
    np.testing.assert_array_equal(moved, values >> np.uint64(1) | (values & np.uint64(1)) << np.uint64(63))
    np.testing.assert_array_equal(values, np.arange(count, dtype=np.uint64))


@given(uint64)
def test_a_mask_is_the_sum_of_its_bits(mask: int):
    assert mask_of(bits_of(mask)) == mask
