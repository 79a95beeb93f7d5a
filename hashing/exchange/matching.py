"""Which rows have the file that a record is about."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

from django.core.files.storage import Storage

from hashing.db.retry import retry_transient
from hashing.exchange.hash_records import OWNER_FIELDS, name_storages
from hashing.exchange.parsing import HashRecord
from hashing.models.querysets import ImageAssetQuerySet
from hashing.sources.keys import SourceKey
from hashing.sources.storages import find_storages

# Files that are asked for at once: an object storage takes its time for each.
READERS = 8
CHUNK = 1 << 18


class Check(StrEnum):
    """What must agree, besides the name of the file: nothing, its size in the storage, or all of its bytes."""

    NAME = "name"
    SIZE = "size"
    DIGEST = "digest"


class Candidate(NamedTuple):
    """A row with the name of a file."""

    pk: Any
    image: str
    version: int
    owner: SourceKey | None
    is_hashed: bool
    storage: Storage | None
    storage_name: str | None


def find_candidates(rows: ImageAssetQuerySet[Any], names: Iterable[str]) -> dict[str, list[Candidate]]:
    """Return the rows that have a file of one of these names, by the name."""
    columns = ("pk", "image", "file_version", "perceptual_hash", *OWNER_FIELDS)
    found = rows.filter(image__in=set(names)).order_by("pk").values_list(*columns)
    read = retry_transient(lambda: list(found.all()), rows.db)
    owners = [SourceKey.of(*row[4:]) for row in read]
    storages = find_storages(owners, rows.db)
    storage_names = name_storages(storages.values())
    by_name: defaultdict[str, list[Candidate]] = defaultdict(list)
    for (pk, image, version, perceptual_hash, *_owner), owner in zip(read, owners, strict=True):
        storage, is_hashed = storages.get(owner), perceptual_hash is not None
        by_name[image].append(Candidate(pk, image, version, owner, is_hashed, storage, storage_names.get(id(storage))))
    return by_name


def rows_of_record(record: HashRecord, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the rows that have the file of a record: that of its owner, or those with a file of this name in the same
    storage. Without a storage to compare, a name must be that of one row.
    """
    owned = [each for each in candidates if record.owner is not None and each.owner == record.owner]
    if owned:
        return owned
    if record.storage is None:
        return list(candidates) if len(candidates) == 1 else []
    return [each for each in candidates if each.storage_name == record.storage]


class Difference(StrEnum):
    """Why a row does not get the hash of a record."""

    OTHER_FILE = "other file"
    UNCHECKED = "unchecked"


def find_differences(pairs: Sequence[tuple[HashRecord, Candidate]], check: Check) -> list[Difference | None]:
    """Compare the file of each row with its record, and return what is wrong, or None if they agree."""
    if check == Check.NAME:
        return [None] * len(pairs)
    with ThreadPoolExecutor(READERS) as readers:
        return list(readers.map(lambda pair: find_difference(pair[0], pair[1], check), pairs))


def find_difference(record: HashRecord, candidate: Candidate, check: Check) -> Difference | None:
    expected = record.file_size if check == Check.SIZE else record.file_digest
    if candidate.storage is None or expected is None:
        return Difference.UNCHECKED
    measure = candidate.storage.size if check == Check.SIZE else partial(digest_of, candidate.storage)
    try:
        found = measure(candidate.image)
    # A storage raises what its client library raises.
    except Exception:
        return Difference.UNCHECKED
    return None if found == expected else Difference.OTHER_FILE


def digest_of(storage: Storage, name: str) -> str:
    digest = hashlib.sha256()
    with storage.open(name, "rb") as file:
        for chunk in iter(lambda: file.read(CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()
