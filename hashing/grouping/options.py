from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Self

from django.utils import timezone

from hashing.conf import hashing_settings
from hashing.fingerprint.similarity import LARGEST_DISTANCE
from hashing.models.duplicate_groups import GroupingRun
from hashing.models.image_asset import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet
from hashing.sources.registry import all_sources

# Called with a phase of a search, "Reading", "Comparing" or "Storing", and the percentage of it that is done.
PhaseListener = Callable[[str, int], object]

# The table of GroupingRun has one row.
RUN_PK = 1


@dataclass(frozen=True)
class GroupingOptions:
    """What counts as the same picture. Raises `ValueError` for a distance outside 0 to 384.

    `max_distance`: the largest distance of two images (`similarity.py`), by default `HASHING["MAX_DISTANCE"]`.
    `any_orientation`: also copies that were mirrored, flipped or turned by quarters.
    `exact_bytes`: only files that are equal byte for byte, which match in any case.
    `sources`: labels like "blog.Photo" or "blog.Photo.original"; only their images are compared. Empty means all.
    """

    max_distance: int = field(default_factory=lambda: hashing_settings().MAX_DISTANCE)
    any_orientation: bool = False
    exact_bytes: bool = False
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.max_distance <= LARGEST_DISTANCE:
            raise ValueError(f"A distance must be between 0 and {LARGEST_DISTANCE}, not {self.max_distance}")

    @classmethod
    def of_last_run(cls, using: str) -> Self:
        """Return the options that the stored groups were found with, or the defaults before the first run."""
        names = [each.name for each in fields(cls)]
        last = GroupingRun.objects.using(using).filter(pk=RUN_PK).values(*names).first()
        if last is None:
            return cls()
        # The site may have removed sources since.
        known = {label.lower() for source in all_sources() for label in (source.label, source.source_type)}
        return cls(**last | {"sources": tuple(label for label in last["sources"] if label.lower() in known)})

    def rows(self, using: str) -> ImageAssetQuerySet[ImageAsset]:
        """Return the images that are compared. Raise `UnknownSource`."""
        rows = ImageAsset.objects.using(using)
        return rows.of_sources(self.sources) if self.sources else rows.all()

    def remember(self, using: str) -> None:
        """Store these options as those of the last run. Two runs may end, and write the row, at once."""
        values = {**asdict(self), "finished_at": timezone.now()}
        row = GroupingRun(pk=RUN_PK, **values)
        runs = GroupingRun.objects.using(using)
        runs.bulk_create([row], update_conflicts=True, unique_fields=["id"], update_fields=list(values))
