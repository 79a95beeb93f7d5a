"""A sample of images whose foreign hashes are compared with their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hashing.backfill import BackfillOptions, run_backfill
from hashing.conf import hashing_settings
from hashing.db.paging import rows_with_keys
from hashing.exchange.foreign_hashes import Comparison, ForeignHash, compare
from hashing.exchange.foreign_rows import HASH_FIELDS, ForeignRow, own_hashes
from hashing.fingerprint.fingerprint import Hashes
from hashing.fingerprint.similarity import BEST_QUALITY
from hashing.models.querysets import ImageAssetQuerySet

SAMPLE = 200


def compare_sample(
    hashes: Iterable[ForeignRow], rows: ImageAssetQuerySet[Any], *, dry_run: bool = False
) -> list[Comparison]:
    """Compare the first images, and hash those of them that are not hashed, unless it is a `dry_run`.

    Blank images and the like are left out: they have the same hash as many others.
    """
    sample: list[ForeignRow] = []
    for row in hashes:
        if row.own is None or is_clear(row.quality):
            sample.append(row)
        if len(sample) == SAMPLE:
            break
    known = [(row.foreign, row.own) for row in sample if row.own is not None]
    missing = {row.pk: row.foreign for row in sample if row.own is None}
    return compare([*known, *([] if dry_run else hash_missing(missing, rows))])


def hash_missing(
    missing: dict[Any, ForeignHash], rows: ImageAssetQuerySet[Any]
) -> Iterator[tuple[ForeignHash, Hashes[int]]]:
    """Hash some rows as a backfill does, and yield the foreign and the own hash of those that could be hashed."""
    if not missing:
        return
    run_backfill(BackfillOptions(using=rows.db), rows.filter(pk__in=list(missing)))
    for pk, *texts, quality in rows_with_keys(rows, missing, HASH_FIELDS):
        own = own_hashes(texts)
        if own is not None and is_clear(quality):
            yield missing[pk], own


def is_clear(quality: int | None) -> bool:
    return (BEST_QUALITY if quality is None else quality) >= hashing_settings().MIN_QUALITY
