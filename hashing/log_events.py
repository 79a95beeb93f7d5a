"""Log records with an event and its values as `extra` fields, for formatters that write JSON.

docs/operations.md lists the events. Their names and fields are stable; messages are not.
"""

from __future__ import annotations

import logging
import re
from enum import Enum
from typing import Any


class LogEvent(Enum):
    """The name of an event, and the level of its records."""

    BACKFILL_STARTED = "backfill_started", logging.INFO
    BACKFILL_ENDED = "backfill_ended", logging.INFO
    BACKFILL_STOPPED = "backfill_stopped", logging.ERROR
    BACKFILL_INTERRUPTED = "backfill_interrupted", logging.INFO
    BATCH_COUNTED = "batch_counted", logging.INFO
    BATCH_REFUSED = "batch_refused", logging.WARNING
    ROW_REFUSED = "row_refused", logging.ERROR
    HEARTBEAT_FAILED = "heartbeat_failed", logging.WARNING
    SHARD_ENQUEUED_AGAIN = "shard_enqueued_again", logging.INFO
    DATABASE_UNREADABLE = "database_unreadable", logging.WARNING
    IMAGE_FAILED = "image_failed", logging.WARNING
    UPLOAD_HASHED = "upload_hashed", logging.INFO
    UPLOAD_DEFERRED = "upload_deferred", logging.INFO
    UPLOAD_FAILED = "upload_failed", logging.ERROR
    UPLOAD_REFUSED = "upload_refused", logging.INFO
    QUEUE_UNAVAILABLE = "queue_unavailable", logging.ERROR
    GROUPING_STARTED = "grouping_started", logging.INFO
    GROUPING_ENDED = "grouping_ended", logging.INFO
    PAIRS_DECIDED = "pairs_decided", logging.INFO
    IMAGES_DELETED = "images_deleted", logging.INFO
    IMAGE_NOT_DELETED = "image_not_deleted", logging.ERROR
    FILE_NOT_DELETED = "file_not_deleted", logging.ERROR
    FILES_KEPT = "files_kept", logging.ERROR
    RECEIVER_FAILED = "receiver_failed", logging.ERROR
    FIGURES_UNREADABLE = "figures_unreadable", logging.ERROR

    @property
    def label(self) -> str:
        return self.value[0]

    @property
    def level(self) -> int:
        return self.value[1]


def log_event(
    logger: logging.Logger, event: LogEvent, message: str, *args: object, exc_info: Any = None, **fields: Any
) -> None:
    """Log a message. The record has the attribute `event`, and one for each of the `fields`."""
    # The record names the line of the caller.
    logger.log(event.level, message, *args, exc_info=exc_info, extra={"event": event.label, **fields}, stacklevel=2)


def error_kind(error: BaseException | str) -> str:
    """Return the name of the class of an error, with which the stored text of an error may begin."""
    if isinstance(error, str):
        found = re.match(r"[A-Za-z]\w*(?=: )", error)
        return found[0] if found else "Error"
    return type(error).__name__
