from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db import transaction
from django.dispatch import Signal

from hashing.log_events import LogEvent, error_kind, log_event

logger = logging.getLogger(__name__)

# For receivers of the site: see docs/reference/python.md. Sent after the commit by the process that has written, with
# `using`, the database. Receivers that raise are logged.

# Arguments: `asset`, which has a new hash.
image_hashed = Signal()
# Arguments: `groups`, a queryset of groups that are new or have grown; `asset`, the upload that has joined one, or None
# after a search for duplicates.
duplicates_found = Signal()
# Arguments: `pair`, the keys of two assets, the lower one first; `verdict`, the `PairDecision.Verdict` that holds now,
# or None; `duplicate`, the key of the one that is not kept if they are the same picture; `user`; `is_undone`.
pair_decided = Signal()

# For receivers of the app. Sent in the transaction that writes, with `using`, the database.

# Arguments: `keys` of rows that get another file, perhaps one with the same name.
files_replaced = Signal()
# Arguments: `instance`, which was saved with another file than before; `created`.
file_saved = Signal()

# For the metrics of a process, without a database.

# Arguments: `hashed` and `failed`, the numbers of images that were written since the last time.
images_tried = Signal()
# Arguments: `seconds` that hashing an upload has taken, whether or not it was hashed.
upload_tried = Signal()


def send_after_commit(
    signal: Signal, sender: type, using: str, find_arguments: Callable[[], Iterable[Mapping[str, Any]]]
) -> None:
    """Send a signal for each item of `find_arguments()`, called after the commit; do nothing without a receiver."""
    if not signal.has_listeners(sender):
        return

    # Not a partial(): where one fails, Django 5.2 fails as well, because it logs the missing __qualname__.
    def send() -> None:
        for arguments in find_arguments():
            # A receiver of the site may be a partial().
            try:
                signal.send_robust(sender, using=using, **arguments)
            except Exception as error:
                message, event, kind = "A receiver of a signal has failed", LogEvent.RECEIVER_FAILED, error_kind(error)
                log_event(logger, event, message, exc_info=error, error_kind=kind)

    transaction.on_commit(send, using=using, robust=True)
