"""All pairs of 128-bit values that differ in few bits."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hashing.hamming_join.band_plan import Band, Group, choose_groups
from hashing.hamming_join.buckets import BLOCK, PositionPairs, large_buckets, pairs_in_buckets, pairs_within
from hashing.hamming_join.fingerprints import Flags, Positions, Values

# Takes the pairs that were found, in blocks and from several threads; a pair may come more than once.
Found = Callable[[Positions, Positions], object]
# Takes the share of the work that is done, 0.0 to 1.0, now and then.
Done = Callable[[float], object]

# Pairs that are verified together.
BATCH = 1 << 16
# Buckets from this size on are a problem of their own, with bands of their own.
DENSE_BUCKET = 1 << 13
# Few enough that all threads have something to do.
KEYS_OF_A_TASK = 16
# Nanoseconds, as measured: for a value, for a key of a part, for a pair.
SORT, KEY_OF_A_PART, COMPARE = 20, 200_000, 0.8


class ValueJoin:
    """All pairs of values that differ in at most `distance` bits. `high` and `low`, together, are distinct values."""

    def __init__(self, high: Values, low: Values, distance: int, found: Found) -> None:
        self._high, self._low = high, low
        self._distance = distance
        self._found = found
        self._compared = np.zeros(0, np.int32)
        self._lock = threading.Lock()
        self._is_stopped = False

    def run(self, done: Done = lambda _share: None, threads: int | None = None) -> None:
        groups = choose_groups(self._high, self._low, self._distance)
        if groups:
            self.run_by(groups, done, threads or len(os.sched_getaffinity(0)))
        else:
            self.compare_all(done)

    def run_by(self, groups: Sequence[Group], done: Done, threads: int) -> None:
        """Compare the values that agree in a key of one of the groups."""
        # Values with one number, other than 0, are compared with each other already.
        self._compared = np.zeros(len(self._high), np.int32)
        total, passed = sum(len(group.keys) for group in groups), 0
        with ThreadPoolExecutor(threads) as pool:
            try:
                for group in groups:
                    words = group.words(self._high, self._low)
                    tasks = {pool.submit(self._join_parts, words, parts): len(parts.keys) for parts in _parts_of(group)}
                    for task in as_completed(tasks):
                        task.result()
                        passed += tasks[task]
                        done(passed / total)
            finally:
                self._is_stopped = True
                pool.shutdown(cancel_futures=True)

    def compare_all(self, done: Done = lambda _share: None) -> None:
        count, start = len(self._high), 0
        while start < count:
            rows = np.arange(start, min(count, start + max(1, BLOCK // count)))
            self._compare(rows, slice(start, None))
            start += len(rows)
            # What is left of the triangle of all pairs is a smaller triangle.
            done(1 - (1 - start / count) ** 2)

    def _join_parts(self, words: Values, parts: _Parts) -> None:
        if not parts.made_by:
            self._join_part(_Part(words, np.arange(len(words)), parts.group), parts)
            return
        key = _key_of(words, parts.made_by)
        rows = np.argsort(key, kind="stable")
        words, ends = words.take(rows), np.cumsum(np.bincount(key))
        for start, end in zip(np.append(0, ends[:-1]).tolist(), ends.tolist(), strict=True):
            if self._is_stopped:
                return
            if end - start > 1:
                self._join_part(_Part(words[start:end], rows[start:end], parts.group), parts)

    def _join_part(self, part: _Part, parts: _Parts) -> None:
        count, keys = len(part.words), range(parts.first, parts.first + len(parts.keys))
        if COMPARE * count * count / 2 < len(keys) * (SORT * count + KEY_OF_A_PART):
            self._verify(part, keys, pairs_within(part.words, part.group.errors))
            return
        for number, sorted_by in zip(keys, parts.keys, strict=True):
            if self._is_stopped:
                return
            ordered, same = part.sorted_by(sorted_by)
            for bucket in large_buckets(same):
                same[bucket] = False
                inside = ordered.slots(bucket)
                if len(inside.rows) >= DENSE_BUCKET:
                    self._join_dense(inside.rows)
                else:
                    self._verify(inside, range(number, number + 1), pairs_within(inside.words, part.group.errors))
            pairs = pairs_in_buckets(ordered.words, same, part.group.errors)
            self._verify(ordered, range(number, number + 1), pairs)

    def _join_dense(self, rows: Positions) -> None:
        """Other keys bring nearly the same rows together again: only the new ones are compared then."""
        with self._lock:
            numbers, counts = np.unique(self._compared[rows], return_counts=True)
            known = numbers[np.argmax(np.where(numbers > 0, counts, -1))]
            new = rows[self._compared[rows] != known] if known else rows
            if not len(new):
                return
            if len(new) > len(rows) // 4:
                self._join_apart(rows)
            else:
                for some in np.array_split(new, 1 + len(new) * len(rows) // BLOCK):
                    self._compare(some, rows)
            self._compared[rows] = self._compared.max() + 1

    def _join_apart(self, rows: Positions) -> None:
        join = ValueJoin(self._high[rows], self._low[rows], self._distance, lambda i, j: self._give(rows[i], rows[j]))
        # Nearly all of the values would be nearly the same problem again.
        if len(rows) > 0.9 * len(self._high):
            join.compare_all()
        else:
            join.run(threads=1)

    def _compare(self, some: Positions, others: Positions | slice) -> None:
        """Each with each, in full."""
        bits = np.bitwise_count(self._high[some, None] ^ self._high[others])
        bits += np.bitwise_count(self._low[some, None] ^ self._low[others])
        first, second = np.divmod(np.flatnonzero(bits <= self._distance), bits.shape[1])
        second = second + (others.start or 0) if isinstance(others, slice) else others[second]
        self._give(some[first], second)

    def _verify(self, part: _Part, keys: range, pairs: Iterable[PositionPairs]) -> None:
        """Of pairs of words that differ in few bits, find those that agree in none but these keys first."""
        for slot, other in _batches(pairs):
            number = part.group.first_key_of(part.words.take(slot) ^ part.words.take(other))
            chosen = np.flatnonzero((number >= keys.start) & (number < keys.stop))
            first, second = part.rows_of(slot.take(chosen)), part.rows_of(other.take(chosen))
            bits = np.bitwise_count(self._high.take(first) ^ self._high.take(second))
            bits += np.bitwise_count(self._low.take(first) ^ self._low.take(second))
            near = np.flatnonzero(bits <= self._distance)
            self._give(first.take(near), second.take(near))

    def _give(self, first: Positions, second: Positions) -> None:
        different = first != second
        first, second = first[different], second[different]
        if len(first):
            self._found(np.minimum(first, second), np.maximum(first, second))


class _Parts(NamedTuple):
    """Keys that begin with the same bits: by these the values are parted once, by the others sorted for each key."""

    group: Group
    first: int
    made_by: tuple[Band, ...]
    keys: list[tuple[Band, ...]]


class _Part(NamedTuple):
    """Words of a group, and the values that they are of: those at `rows`, or at `rows` in some `order`."""

    words: Values
    rows: Positions
    group: Group
    order: Positions | None = None

    def sorted_by(self, bands: Sequence[Band]) -> tuple[_Part, Flags]:
        """Return them in the order of a key, and for each whether the next one has the same key."""
        key = _key_of(self.words, bands)
        order = np.argsort(key, kind="stable")
        key = key.take(order)
        return self._replace(words=self.words.take(order), order=order), np.append(key[1:] == key[:-1], False)

    def slots(self, chosen: slice) -> _Part:
        rows = self.rows[chosen] if self.order is None else self.rows[self.order[chosen]]
        return _Part(self.words[chosen], rows, self.group)

    def rows_of(self, slots: Positions) -> Positions:
        return self.rows.take(slots if self.order is None else self.order.take(slots))


def _parts_of(group: Group) -> Iterator[_Parts]:
    first = 0
    for made_by, keys in groupby(map(group.split, group.keys), key=lambda split: split[0]):
        sorted_by = [rest for _, rest in keys]
        for start in range(0, len(sorted_by), KEYS_OF_A_TASK):
            some = sorted_by[start : start + KEYS_OF_A_TASK]
            yield _Parts(group, first, made_by, some)
            first += len(some)


def _key_of(words: Values, bands: Sequence[Band]) -> npt.NDArray[np.uint16]:
    """Numbers of 16 bits are sorted by radix, several times faster than others."""
    key = np.zeros(len(words), np.uint16)
    for band in bands:
        key <<= np.uint16(band.width)
        key |= band.of(words).astype(np.uint16)
    return key


def _batches(blocks: Iterable[PositionPairs]) -> Iterator[PositionPairs]:
    """The same pairs in fewer, larger blocks."""
    waiting: list[PositionPairs] = []
    number = 0
    for block in blocks:
        waiting.append(block)
        number += len(block[0])
        if number >= BATCH:
            yield _joined(waiting)
            waiting, number = [], 0
    if number:
        yield _joined(waiting)


def _joined(blocks: list[PositionPairs]) -> PositionPairs:
    return np.concatenate([first for first, _ in blocks]), np.concatenate([second for _, second in blocks])
