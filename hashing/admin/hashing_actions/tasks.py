from __future__ import annotations

from typing import Any

from hashing.admin.hashing_actions.selection import QueuedSelection
from hashing.backfill import BackfillResult
from hashing.tasks import behind_uploads, task


@task()
def hash_selection(arguments: dict[str, Any]) -> int:
    """Enqueue what a user of the admin has selected, in key ranges, and return how many these are. `arguments` are
    those of `hashing.admin.hashing_actions.selection.QueuedSelection`."""
    part, count = behind_uploads(hash_selected_shard), 0
    for found in QueuedSelection(**arguments).ranges():
        part.enqueue(arguments, str(found.start_pk), str(found.end_pk))
        count += 1
    return count


@task()
def hash_selected_shard(arguments: dict[str, Any], start_pk: str, end_pk: str) -> BackfillResult:
    """Hash the rows of a selection in a key range, as far as its user still may."""
    return QueuedSelection(**arguments).hash_shard(start_pk, end_pk).as_dict()
