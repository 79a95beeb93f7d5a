"""What the site may leave to a queue, whichever queue its `TASKS` setting names."""

from __future__ import annotations

from typing import Any

from hashing.backfill import BackfillResult, hash_key_range
from hashing.grouping.upkeep import follow_upload
from hashing.hash_row import hash_row
from hashing.task_queue import task


@task()
def hash_upload(pk: int, name: str, using: str) -> None:
    """Hash the file `name` of an asset, unless it has got another file by then, and let it join its duplicates."""
    if hash_row(pk, name, using):
        follow_upload(pk, using)


@task()
def hash_range(arguments: dict[str, Any]) -> BackfillResult:
    """A key range of the backfill; `arguments` are those of `hash_key_range`."""
    return hash_key_range(**arguments)


@task()
def hash_selection(arguments: dict[str, Any]) -> int:
    """Enqueue what a user of the admin has selected, in key ranges, and return how many these are. `arguments` are
    those of `hashing.admin.queued_selection.QueuedSelection`."""
    from hashing.admin.queued_selection import QueuedSelection
    from hashing.range_queue import behind_uploads

    part, count = behind_uploads(hash_selected_range), 0
    for found in QueuedSelection(**arguments).ranges():
        part.enqueue(arguments, str(found.start_pk), str(found.end_pk))
        count += 1
    return count


@task()
def hash_selected_range(arguments: dict[str, Any], start_pk: str, end_pk: str) -> BackfillResult:
    """Hash the rows of a selection in a key range, as far as its user still may."""
    from hashing.admin.queued_selection import QueuedSelection

    return QueuedSelection(**arguments).hash_range(start_pk, end_pk).as_dict()
