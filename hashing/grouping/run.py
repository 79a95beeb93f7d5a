"""A search for duplicates through the whole table: find, store, catch up."""

from __future__ import annotations

from datetime import datetime

from django.db import router

from hashing.db.clock import DatabaseClock
from hashing.db.paging import batches
from hashing.db.retry import retry_transient
from hashing.grouping.constraints import PairConstraints, read_constraints
from hashing.grouping.finder import Progress, find_groups
from hashing.grouping.incremental import regroup
from hashing.grouping.options import GroupingOptions
from hashing.grouping.report import GroupingReport
from hashing.grouping.signals import announce_groups, last_member
from hashing.grouping.store import store_groups
from hashing.models.duplicates import DuplicateGroup, GroupMember

# Uploads that came during the run and are grouped at its end; a backfill that runs beside it may hash many more.
MOST_CAUGHT_UP = 1000


def run_grouping(
    options: GroupingOptions,
    *,
    dry_run: bool = False,
    using: str | None = None,
    progress: Progress = lambda _phase, _per_cent: None,
) -> GroupingReport:
    """Find all groups among the image assets and store them, unless it is a `dry_run`.

    `progress` is told the phase ("Reading", "Comparing", "Storing") and how many per cent of it are done. Raises
    `TooManyPairs`; nothing is stored then. Interrupted while it stores, it is made good by running it again.
    """
    alias = using or router.db_for_write(DuplicateGroup)
    started = DatabaseClock(alias).now()
    rows = options.rows(alias)
    verdicts = retry_transient(lambda: read_constraints(alias), alias)
    groups = find_groups(rows, options, verdicts, progress)
    if dry_run:
        return GroupingReport(groups, options)
    last = retry_transient(lambda: last_member(alias), alias)
    changes = store_groups(groups, alias, progress=lambda per_cent: progress("Storing", per_cent))
    retry_transient(lambda: options.remember(alias), alias)
    _catch_up(options, started, alias)
    _catch_up_with_decisions(verdicts, alias)
    announce_groups(last, alias)
    return GroupingReport(groups, options, changes)


def _catch_up(options: GroupingOptions, started: datetime, using: str) -> None:
    hashed_since = options.rows(using).hashed().filter(hashed_at__gte=started).order_by("hashed_at")
    for key in hashed_since.values_list("pk", flat=True)[:MOST_CAUGHT_UP]:
        regroup([key], using)


def _catch_up_with_decisions(known: PairConstraints, using: str) -> None:
    """What was decided or taken back since the decisions were read: the groups were stored without it."""
    groups = set[int]()
    for keys in batches(known.changed_since(retry_transient(lambda: read_constraints(using), using))):
        members = GroupMember.objects.using(using).filter(asset__in=keys)
        groups.update(members.values_list("group", flat=True))
    regroup(using=using, groups=groups)
