from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from django.core.files.storage import Storage

from hashing.log_events import LogEvent, error_kind, log_event
from hashing.stored_files.references import find_reasons_to_keep
from hashing.text import first_line, printable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileDeletion:
    """What happened to the files, by name; `kept` and `failed` have the reasons."""

    deleted: frozenset[str] = frozenset()
    kept: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)


def delete_unused(storage: Storage, names: Collection[str]) -> FileDeletion:
    """Delete the files with these names, except those that a row of any model in any database may refer to.

    Call it after the commit of what made them unused: a rollback does not bring a file back.
    """
    kept = find_reasons_to_keep(storage, names)
    deleted, failed = set(), {}
    for name in sorted({*names} - {""} - kept.keys()):
        try:
            storage.delete(name)
            deleted.add(name)
        # Anything that a storage raises: the rows are gone, and the other files must go as well.
        except Exception as error:
            reason, kind, event = first_line(error), error_kind(error), LogEvent.FILE_NOT_DELETED
            log_event(logger, event, "%s cannot be deleted: %s", printable(name), reason, error_kind=kind)
            failed[name] = first_line(error)
    return FileDeletion(frozenset(deleted), kept, failed)
