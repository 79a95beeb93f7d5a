from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hashing.db.paging import batches
from hashing.models.image_asset import CoOwner, ImageAsset
from hashing.sources.keys import SourceKey
from hashing.sources.registry import find_source
from hashing.sources.source import ImageSource
from hashing.sources.storages import source_database


def has_row_permission(user: Any, action: str, row: Any) -> bool:
    """Whether the user may "view", "change" or "delete" rows of the model, or this one."""
    meta = row._meta.concrete_model._meta
    permission = f"{meta.app_label}.{action}_{meta.model_name}"
    return bool(user.has_perm(permission) or user.has_perm(permission, row))


@dataclass(frozen=True)
class Owner:
    """A row of a source that has the file of an asset."""

    source: ImageSource
    row: Any


def find_owners(assets: Iterable[ImageAsset], using: str) -> dict[int, list[Owner]]:
    """Return the owners of each asset by its key, the first owner first; assets without one are missing.

    One query for all co-owners, and one for each source.
    """
    keys: dict[int, list[SourceKey]] = {asset.pk: [asset.source_key] for asset in assets if asset.source_key}
    for batch in batches(list(keys)):
        for co_owner in CoOwner._base_manager.using(using).filter(asset__in=batch).order_by("pk"):
            keys[co_owner.asset_id].append(co_owner.source_key)
    rows = _rows({key for some in keys.values() for key in some}, using)
    found = {pk: [rows[key] for key in some if key in rows] for pk, some in keys.items()}
    return {pk: owners for pk, owners in found.items() if owners}


def _rows(keys: Iterable[SourceKey], using: str) -> dict[SourceKey, Owner]:
    by_label: defaultdict[str, list[SourceKey]] = defaultdict(list)
    for key in keys:
        by_label[key.source_label].append(key)
    found: dict[SourceKey, Owner] = {}
    for of_source in by_label.values():
        source = find_source(of_source[0])
        if source is None:
            continue
        rows = source.rows_of((key.source_id for key in of_source), source_database(source, using))
        found.update({key: Owner(source, rows[key.source_id]) for key in of_source if key.source_id in rows})
    return found
