"""Signals: `image_hashed`, `duplicates_found` and `pair_decided` are for receivers of the site, see docs/python.md.

These three are sent after the commit, by the process that has written, with the database as `using`. A receiver that
raises is logged, and stops nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db import transaction
from django.dispatch import Signal

logger = logging.getLogger(__name__)

# The `asset` has a hash now, or another one than before.
image_hashed = Signal()
# `groups`, a queryset of `DuplicateGroup`, are new or have got further images. `asset` is the upload that joined one,
# None after a search for duplicates.
duplicates_found = Signal()
# What holds now about a `pair` of assets, their keys with the lower one first. `verdict` is a `PairDecision.Verdict`,
# or None if nothing holds any more; `duplicate` is the key of the one that is not kept, for pictures that are the same.
# `user` has decided, or has taken a decision back (`is_undone`).
pair_decided = Signal()

# Both are sent in the transaction that writes the files, with the database as `using`.

# Rows with these `keys` get another file, which may have the name of the former one.
files_replaced = Signal()
# An `instance` was saved that has another file than before, or was `created`.
file_saved = Signal()


def send_after_commit(
    signal: Signal, sender: type, using: str, find_arguments: Callable[[], Iterable[Mapping[str, Any]]]
) -> None:
    """Send a signal once for each of the arguments, which are found after the commit, if anybody listens."""
    if not signal.has_listeners(sender):
        return

    # No partial(): see hashing.uploads.
    def send() -> None:
        for arguments in find_arguments():
            _send(signal, sender, using=using, **arguments)

    transaction.on_commit(send, using=using, robust=True)


def _send(signal: Signal, sender: type, **arguments: Any) -> None:
    try:
        signal.send_robust(sender, **arguments)
    # Django looks for the __qualname__ of a receiver that raises, which a partial() has not.
    except Exception:
        logger.exception("A receiver of a signal has failed")
