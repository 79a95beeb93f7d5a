"""Hash one row in this process: the steps of the backfill, without its workers."""

from __future__ import annotations

import logging
from typing import Any

from hashing.backfill.pending_rows import make_job
from hashing.backfill.writer import DatabaseUnavailable, OutcomeWriter
from hashing.conf import hashing_settings
from hashing.db.clock import DatabaseClock
from hashing.models import ImageAsset
from hashing.models.querysets import HASH_FIELDS
from hashing.sources.storages import UnknownStorage
from hashing.stored_files.availability import StorageUnavailable, check_storage, is_local
from hashing.text import printable
from hashing.workers.worker import hash_stored_file

logger = logging.getLogger(__name__)


def hash_row(pk: Any, name: str, using: str) -> dict[str, Any]:
    """Hash the file `name` of a row and write what came of it. Returns the written fields.

    They are none when the row has got another file in the meantime, is gone, or when the storage or the database
    could not be reached, which is logged and says nothing about the file.
    """
    # Not the default manager, which may hide rows.
    rows = ImageAsset._base_manager.using(using).filter(pk=pk)
    asset = rows.filter(image=name).first()
    if asset is None:
        return {}
    try:
        storage = asset.image.storage
    except UnknownStorage as error:
        logger.error("Row %s is not hashed: %s", pk, printable(str(error)))
        return {}
    job, limits = make_job(storage, pk, name, local=is_local(storage)), hashing_settings()
    versions = {pk: asset.file_version}
    outcome = hash_stored_file(job, storage, limits.MAX_PIXELS, limits.MAX_BYTES)
    try:
        if outcome.unread:
            check_storage(storage)
        written = list(OutcomeWriter(ImageAsset, using, DatabaseClock(using).now).write([outcome], versions))
    except (StorageUnavailable, DatabaseUnavailable) as outage:
        logger.error("Row %s is not hashed: %s", pk, outage)
        return {}
    if not written:
        return {}
    # The row may be gone again.
    return rows.values(*HASH_FIELDS).first() or {}
