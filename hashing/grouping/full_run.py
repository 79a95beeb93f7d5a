from __future__ import annotations

import asyncio
import logging
import threading
import time
from datetime import datetime
from functools import partial
from typing import Any

from django.db import router
from django.utils.translation import gettext as _

from hashing.db.clock import DatabaseClock
from hashing.db.own_thread import run_in_own_thread
from hashing.db.paging import batches
from hashing.db.retry import retry_transient
from hashing.grouping.finder import find_groups
from hashing.grouping.group_rows import copy_names, find_renamed, with_groups_locked
from hashing.grouping.incremental import update_groups
from hashing.grouping.options import GroupingOptions, PhaseListener
from hashing.grouping.pair_constraints import read_constraints
from hashing.grouping.report import GroupingReport
from hashing.grouping.signals import announce_groups, last_member
from hashing.grouping.store import store_groups
from hashing.log_events import LogEvent, log_event
from hashing.models.duplicate_groups import DuplicateGroup

logger = logging.getLogger(__name__)

# Uploads during the run that are grouped at its end. A backfill that runs at the same time may hash many more.
MAX_CAUGHT_UP = 1000


def find_duplicates(*, dry_run: bool = False, using: str | None = None, **options: Any) -> GroupingReport:
    """Group the image assets that show the same picture, and store the groups unless it is a `dry_run`.

    `options` are the fields of `GroupingOptions`. Raise `ValueError` for invalid ones, and
    `hashing.hamming_join.self_join.TooManyPairs` when more pairs match than memory holds.
    """
    return run_grouping(GroupingOptions(**options), dry_run=dry_run, using=using)


async def afind_duplicates(*, dry_run: bool = False, using: str | None = None, **options: Any) -> GroupingReport:
    """`find_duplicates` for async code, in a thread of its own.

    When it is cancelled, the search ends at its next step. The next run stores what is missing then.
    """
    cancelled = threading.Event()

    def stop_if_cancelled(_phase: str, _percent: int) -> None:
        if cancelled.is_set():
            raise asyncio.CancelledError

    run = partial(run_grouping, GroupingOptions(**options), dry_run=dry_run, using=using, progress=stop_if_cancelled)
    return await run_in_own_thread(run, stop=cancelled.set)


def run_grouping(
    options: GroupingOptions,
    *,
    dry_run: bool = False,
    using: str | None = None,
    progress: PhaseListener = lambda _phase, _percent: None,
) -> GroupingReport:
    """Find all groups in the table and store them, unless it is a `dry_run`.

    Raise `TooManyPairs`, in which case nothing is stored. Interrupted while it stores, it is completed by the next
    run.
    """
    alias = using or router.db_for_write(DuplicateGroup)
    begun = time.monotonic()
    log_event(logger, LogEvent.GROUPING_STARTED, "Search for duplicates", database=alias)
    started = DatabaseClock(alias).now()
    constraints = retry_transient(lambda: read_constraints(alias), alias)
    groups = find_groups(options.rows(alias), options, constraints, progress)
    if dry_run:
        return GroupingReport(groups, options)
    last = retry_transient(lambda: last_member(alias), alias)
    changes = store_groups(groups, alias, progress=lambda percent: progress(_("Storing"), percent))
    update_names(alias)
    retry_transient(lambda: options.remember(alias), alias)
    catch_up_with_uploads(options, started, alias)
    # The groups were stored without the decisions that were made or taken back since the constraints were read.
    decided = retry_transient(lambda: read_constraints(alias), alias).changed_since(constraints)
    update_groups(decided, alias)
    announce_groups(last, alias)
    seconds, count = round(time.monotonic() - begun, 3), len(groups)
    message = "%d groups of duplicates"
    log_event(logger, LogEvent.GROUPING_ENDED, message, count, database=alias, groups=count, seconds=seconds)
    return GroupingReport(groups, options, changes)


def update_names(using: str) -> None:
    """Copy the names of files that were renamed to the rows of the groups."""
    for batch in batches(retry_transient(lambda: find_renamed(using), using)):
        with_groups_locked(using, copy_names, using, batch)


def catch_up_with_uploads(options: GroupingOptions, started: datetime, using: str) -> None:
    """Update the groups around images that were hashed since the search began."""
    hashed_since = options.rows(using).hashed().filter(hashed_at__gte=started).order_by("hashed_at")
    for key in hashed_since.values_list("pk", flat=True)[:MAX_CAUGHT_UP]:
        update_groups([key], using, rehashed=True)
