"""Files that are equal byte for byte, as their digests say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

from django.db.models import Count

from hashing.paging import batches, rows_with_keys
from hashing.querysets import ImageAssetQuerySet


def read_equal_files(rows: ImageAssetQuerySet[Any], keys: Collection[Any] | None) -> dict[Any, str]:
    """Return the digests of all rows, or of those with some keys, whose file another of them has as well, by key.

    No file is read. Blank pages and files that cannot be decoded may be among them.
    """
    known = rows.filter(file_digest__isnull=False)
    if keys is None:
        return dict(_rows_with_digests(known, _shared_digests(known)))
    digests = dict(rows_with_keys(known, keys, ("file_digest",)))
    counts = Counter(digests.values())
    return {key: digest for key, digest in digests.items() if counts[digest] > 1}


def _shared_digests(rows: ImageAssetQuerySet[Any]) -> list[str]:
    counted = rows.order_by().values("file_digest").annotate(count=Count("pk"))
    return list(counted.filter(count__gt=1).values_list("file_digest", flat=True))


def _rows_with_digests(rows: ImageAssetQuerySet[Any], digests: Collection[str]) -> Iterator[tuple[Any, str]]:
    for batch in batches(digests):
        yield from rows.order_by().filter(file_digest__in=batch).values_list("pk", "file_digest")
