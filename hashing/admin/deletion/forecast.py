"""What the confirmation of a deletion says will happen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from django.contrib.admin import AdminSite
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from hashing.admin.columns import image_cell
from hashing.admin.deletion.kept_images import KeptImage
from hashing.admin.deletion.report import DeletionReport
from hashing.models import ImageAsset

# Images that the confirmation shows.
MAX_PICTURES = 12


class DeletionPicture(NamedTuple):
    """An image that goes, beside the one that stays in its place, if there is one."""

    asset: ImageAsset
    cell: SafeString
    kept: KeptImage | None
    kept_cell: SafeString | str
    # Why that one stays: empty if their files do not tell.
    reason: str


@dataclass
class Forecast:
    """The result of looking at the first `checked` of `total` images. `report` counts as if they had been deleted."""

    total: int
    report: DeletionReport
    checked: int = 0
    # The first images that go.
    first: list[ImageAsset] = field(default_factory=list)

    def add(self, assets: Iterable[ImageAsset], kept_files: dict[str, str], *, deletes_files: bool) -> None:
        """Count images that will be deleted, and the files among theirs that stay."""
        deleted = list(assets)
        self.report.add_deleted(deleted)
        self.first += deleted[: MAX_PICTURES - len(self.first)]
        for name, reason in kept_files.items():
            self.report.add_kept_file(name, reason)
        if deletes_files:
            sizes = {asset.image.name: asset.file_size or 0 for asset in deleted}
            self.report.freed += sum(size for name, size in sizes.items() if name not in kept_files)

    @property
    def is_partial(self) -> bool:
        return self.checked < self.total

    @property
    def can_delete(self) -> bool:
        return self.is_partial or self.report.deleted > 0

    @property
    def freed(self) -> int:
        """The bytes that will be freed: an estimate if not all images were checked."""
        return self.report.freed * self.total // self.checked if self.is_partial else self.report.freed

    @property
    def hidden_count(self) -> int:
        return (self.total if self.is_partial else self.report.deleted) - len(self.first)

    def pictures(self, kept: dict[int, KeptImage], site: AdminSite) -> list[DeletionPicture]:
        return [make_picture(asset, kept.get(asset.pk), site) for asset in self.first]


def make_picture(asset: ImageAsset, kept: KeptImage | None, site: AdminSite) -> DeletionPicture:
    cell = image_cell(asset, site, _("Is deleted"))
    kept_cell = image_cell(kept.asset, site, _("Stays")) if kept else ""
    return DeletionPicture(asset, cell, kept, kept_cell, kept.reason(asset) if kept else "")
