"""Find the pictures of a table that are the same, and keep them in groups for people to decide about.

hash_table  the hashes of a table as arrays, equal ones once
equal_files rows whose files are equal byte for byte
matches     which rows match: by hashing.hamming_join, and by equal files
distances   how far the pictures of a group are from its keeper
verdicts    what people have decided
ranking     which picture of a group is the better one to keep
stars       groups around their keepers
finder      joins these: from a queryset to groups
store       from groups to rows, as few of them as have changed
regroup     the same for the few rows that one upload, deletion or decision concerns
large_group what is done instead with a group of thousands
decisions   what a person says about a group, and how it is taken back; deletable, which marked ones may go
upkeep      groups follow uploads, new files and deletions
run         a search through the whole table
report      what it has found
"""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import Any

from hashing.db.own_thread import run_in_own_thread
from hashing.grouping.options import GroupingOptions
from hashing.grouping.report import GroupingReport
from hashing.grouping.run import run_grouping

__all__ = ["GroupingOptions", "GroupingReport", "afind_duplicates", "find_duplicates"]


def find_duplicates(*, dry_run: bool = False, using: str | None = None, **options: Any) -> GroupingReport:
    """Group the image assets that show the same picture, and store the groups unless it is a `dry_run`.

    `options` are the fields of `GroupingOptions`. Raises `ValueError` for those that make no sense, and
    `hashing.hamming_join.pair_list.TooManyPairs` when more pairs match than memory holds.
    """
    return run_grouping(GroupingOptions(**options), dry_run=dry_run, using=using)


async def afind_duplicates(*, dry_run: bool = False, using: str | None = None, **options: Any) -> GroupingReport:
    """`find_duplicates` for async code, in a thread of its own.

    When it is cancelled, the search ends at the next step that it would report. Run again, it makes good what it had
    begun to store.
    """
    cancelled = threading.Event()

    def end_if_cancelled(_phase: str, _per_cent: int) -> None:
        if cancelled.is_set():
            raise asyncio.CancelledError

    chosen = GroupingOptions(**options)
    run = partial(run_grouping, chosen, dry_run=dry_run, using=using, progress=end_if_cancelled)
    return await run_in_own_thread(run, stop=cancelled.set)
