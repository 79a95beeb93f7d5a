from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import router

from hashing.db.paging import batches
from hashing.models.image_asset import CoOwner, ImageAsset
from hashing.sources.keys import SourceKey
from hashing.sources.registry import group_by_source
from hashing.sources.source import ImageSource


@dataclass(frozen=True)
class Owner:
    """A row of a source that has the file of an asset."""

    source: ImageSource
    row: Any


def find_owners(assets: Iterable[ImageAsset], using: str) -> dict[int, list[Owner]]:
    """Return the owners of each asset by its key, the first owner first; assets without one are missing.

    Takes one query for all co-owners, and one for each source.
    """
    keys: dict[int, list[SourceKey]] = {asset.pk: [asset.source_key] for asset in assets if asset.source_key}
    for batch in batches(list(keys)):
        for co_owner in CoOwner._base_manager.using(using).filter(asset__in=batch).order_by("pk"):
            keys[co_owner.asset_id].append(co_owner.source_key)
    owners: dict[SourceKey, Owner] = {}
    for source, of_source in group_by_source({key for some in keys.values() for key in some}):
        owners |= {key: Owner(source, row) for key, row in source.rows_by_key(of_source, using).items()}
    found = {pk: [owners[key] for key in some if key in owners] for pk, some in keys.items()}
    return {pk: some for pk, some in found.items() if some}


def find_asset(key: SourceKey, using: str) -> ImageAsset | None:
    """Return the asset that a row owns or co-owns."""
    asset = ImageAsset._base_manager.using(using).filter(**key._asdict()).first()
    if asset is not None:
        return asset
    co_owner = CoOwner._base_manager.using(using).filter(**key._asdict()).select_related("asset").first()
    return co_owner.asset if co_owner else None


def asset_database(row_database: str) -> str:
    """Return the database of the assets of rows: that of the rows, unless a router separates them."""
    if router.allow_migrate_model(row_database, ImageAsset):
        return row_database
    return router.db_for_write(ImageAsset)


def has_row_permission(user: Any, action: str, row: Any) -> bool:
    """Whether the user may "view", "change" or "delete" all rows of the model, or this one."""
    meta = row._meta.concrete_model._meta
    permission = f"{meta.app_label}.{action}_{meta.model_name}"
    return bool(user.has_perm(permission) or user.has_perm(permission, row))
