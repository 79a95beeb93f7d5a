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

from hashing.hamming_join.band_plan import choose_groups
from hashing.hamming_join.bands import Band, BandGroup
from hashing.hamming_join.buckets import BLOCK, PositionPairs, large_buckets, pairs_in_buckets, pairs_within
from hashing.hamming_join.fingerprints import Flags, Positions, Values

# Called with blocks of pairs, from several threads; a pair may come more than once.
PairListener = Callable[[Positions, Positions], object]
# Called with the part of the work that is done, 0.0 to 1.0.
FractionListener = Callable[[float], object]

# Pairs that are verified together.
BATCH = 1 << 16
# Larger buckets are joined separately, with bands chosen for them.
DENSE_BUCKET = 1 << 13
# Few enough to keep all threads busy.
KEYS_PER_TASK = 16
# Nanoseconds, as measured: to sort a value, for each key of a partition, to compare a pair.
SORT, KEY_OF_PARTITION, COMPARE = 20, 200_000, 0.8


class KeyTask(NamedTuple):
    """Keys with a common prefix: it partitions the values once, the rest of each key sorts the partitions."""

    group: BandGroup
    first: int
    prefix: tuple[Band, ...]
    rests: list[tuple[Band, ...]]


class Partition(NamedTuple):
    """Words of a group, and the `rows` of their values; with an `order`, `words` are in that order of the rows."""

    words: Values
    rows: Positions
    group: BandGroup
    order: Positions | None = None

    def sorted_by(self, bands: Sequence[Band]) -> tuple[Partition, Flags]:
        """Return the words in the order of a key, and for each whether the next one has the same key."""
        key = key_of(self.words, bands)
        order = np.argsort(key, kind="stable")
        key = key.take(order)
        return self._replace(words=self.words.take(order), order=order), np.append(key[1:] == key[:-1], False)

    def slots(self, chosen: slice) -> Partition:
        rows = self.rows[chosen] if self.order is None else self.rows[self.order[chosen]]
        return Partition(self.words[chosen], rows, self.group)

    def rows_of(self, slots: Positions) -> Positions:
        return self.rows.take(slots if self.order is None else self.order.take(slots))


class ValueJoin:
    """Finds all pairs of values, `high` and `low` bits, that differ in at most `distance` bits.

    Two framed values are no pair. Equal values must be given once, or once framed and once not.
    """

    def __init__(self, high: Values, low: Values, is_framed: Flags, distance: int, found: PairListener) -> None:
        self._high, self._low, self._is_framed = high, low, is_framed
        self._distance = distance
        self._found = found
        # Values with the same number, except 0, have been compared with each other as parts of dense buckets.
        self._compared = np.zeros(0, np.int32)
        self._lock = threading.Lock()
        self._is_stopped = False

    def run(self, report: FractionListener = lambda _fraction: None, threads: int | None = None) -> None:
        groups = choose_groups(self._high, self._low, self._distance)
        if groups:
            self.run_by(groups, report, threads or len(os.sched_getaffinity(0)))
        else:
            self.compare_all(report)

    def run_by(self, groups: Sequence[BandGroup], report: FractionListener, threads: int) -> None:
        """Compare the values that agree in a key of one of the groups."""
        self._compared = np.zeros(len(self._high), np.int32)
        total, done = sum(len(group.keys) for group in groups), 0
        with ThreadPoolExecutor(threads) as pool:
            try:
                for group in groups:
                    words = group.words(self._high, self._low)
                    tasks = {pool.submit(self._join_by, task, words): len(task.rests) for task in key_tasks(group)}
                    for future in as_completed(tasks):
                        future.result()
                        done += tasks[future]
                        report(done / total)
            finally:
                self._is_stopped = True
                pool.shutdown(cancel_futures=True)

    def compare_all(self, report: FractionListener = lambda _fraction: None) -> None:
        count, start = len(self._high), 0
        while start < count:
            rows = np.arange(start, min(count, start + max(1, BLOCK // count)))
            self._compare(rows, slice(start, None))
            start += len(rows)
            # What is left of the triangle of all pairs is a smaller triangle.
            report(1 - (1 - start / count) ** 2)

    def _join_by(self, task: KeyTask, words: Values) -> None:
        if not task.prefix:
            self._join_partition(Partition(words, np.arange(len(words)), task.group), task)
            return
        key = key_of(words, task.prefix)
        rows = np.argsort(key, kind="stable")
        words, ends = words.take(rows), np.cumsum(np.bincount(key))
        for start, end in zip(np.append(0, ends[:-1]).tolist(), ends.tolist(), strict=True):
            if self._is_stopped:
                return
            if end - start > 1:
                self._join_partition(Partition(words[start:end], rows[start:end], task.group), task)

    def _join_partition(self, partition: Partition, task: KeyTask) -> None:
        count, keys = len(partition.words), range(task.first, task.first + len(task.rests))
        errors = task.group.errors
        if COMPARE * count * count / 2 < len(keys) * (SORT * count + KEY_OF_PARTITION):
            self._verify(partition, keys, pairs_within(partition.words, errors))
            return
        for number, rest in zip(keys, task.rests, strict=True):
            if self._is_stopped:
                return
            ordered, same = partition.sorted_by(rest)
            key = range(number, number + 1)
            for bucket in large_buckets(same):
                same[bucket] = False
                inside = ordered.slots(bucket)
                if len(inside.rows) >= DENSE_BUCKET:
                    self._join_dense(inside.rows)
                else:
                    self._verify(inside, key, pairs_within(inside.words, errors))
            self._verify(ordered, key, pairs_in_buckets(ordered.words, same, errors))

    def _join_dense(self, rows: Positions) -> None:
        """Join a bucket. Other keys bring nearly the same rows together again; then only new ones are compared."""
        with self._lock:
            numbers, counts = np.unique(self._compared[rows], return_counts=True)
            known = numbers[np.argmax(np.where(numbers > 0, counts, -1))]
            new = rows[self._compared[rows] != known] if known else rows
            if not len(new):
                return
            if len(new) > len(rows) // 4:
                self._join_apart(rows)
            else:
                for chunk in np.array_split(new, 1 + len(new) * len(rows) // BLOCK):
                    self._compare(chunk, rows)
            self._compared[rows] = self._compared.max() + 1

    def _join_apart(self, rows: Positions) -> None:
        values = self._high[rows], self._low[rows], self._is_framed[rows]
        join = ValueJoin(*values, self._distance, lambda i, j: self._give(rows[i], rows[j]))
        # Planning for nearly all of the values would lead to the same bucket again.
        if len(rows) > 0.9 * len(self._high):
            join.compare_all()
        else:
            join.run(threads=1)

    def _compare(self, rows: Positions, others: Positions | slice) -> None:
        bits = np.bitwise_count(self._high[rows, None] ^ self._high[others])
        bits += np.bitwise_count(self._low[rows, None] ^ self._low[others])
        first, second = np.divmod(np.flatnonzero(bits <= self._distance), bits.shape[1])
        second = second + (others.start or 0) if isinstance(others, slice) else others[second]
        self._give(rows[first], second)

    def _verify(self, partition: Partition, keys: range, pairs: Iterable[PositionPairs]) -> None:
        """Report the pairs that are near in all bits, and whose first common key is one of `keys`."""
        for slot, other in in_batches(pairs):
            number = partition.group.first_key_of(partition.words.take(slot) ^ partition.words.take(other))
            chosen = np.flatnonzero((number >= keys.start) & (number < keys.stop))
            first, second = partition.rows_of(slot.take(chosen)), partition.rows_of(other.take(chosen))
            bits = np.bitwise_count(self._high.take(first) ^ self._high.take(second))
            bits += np.bitwise_count(self._low.take(first) ^ self._low.take(second))
            near = np.flatnonzero(bits <= self._distance)
            self._give(first.take(near), second.take(near))

    def _give(self, first: Positions, second: Positions) -> None:
        is_pair = first != second
        is_pair &= ~(self._is_framed[first] & self._is_framed[second])
        first, second = first[is_pair], second[is_pair]
        if len(first):
            self._found(np.minimum(first, second), np.maximum(first, second))


def key_tasks(group: BandGroup) -> Iterator[KeyTask]:
    first = 0
    for prefix, keys in groupby(map(group.split, group.keys), key=lambda split: split.prefix):
        rests = [split.rest for split in keys]
        for start in range(0, len(rests), KEYS_PER_TASK):
            task = KeyTask(group, first, prefix, rests[start : start + KEYS_PER_TASK])
            yield task
            first += len(task.rests)


def key_of(words: Values, bands: Sequence[Band]) -> npt.NDArray[np.uint16]:
    key = np.zeros(len(words), np.uint16)
    for band in bands:
        key <<= np.uint16(band.width)
        key |= band.of(words).astype(np.uint16)
    return key


def in_batches(blocks: Iterable[PositionPairs]) -> Iterator[PositionPairs]:
    """Combine blocks of pairs to fewer, larger ones."""
    waiting: list[PositionPairs] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += len(block[0])
        if count >= BATCH:
            yield concatenate(waiting)
            waiting, count = [], 0
    if count:
        yield concatenate(waiting)


def concatenate(blocks: list[PositionPairs]) -> PositionPairs:
    return np.concatenate([first for first, _ in blocks]), np.concatenate([second for _, second in blocks])
