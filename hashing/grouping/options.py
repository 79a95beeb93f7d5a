from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Self

from hashing.conf import hashing_settings
from hashing.fingerprint.similarity import LARGEST_DISTANCE
from hashing.models.duplicates import GroupingRun
from hashing.models.image_asset import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet
from hashing.sources.registry import all_sources


def _known(labels: Iterable[str]) -> list[str]:
    """Leave out the sources that the site had then and has no more."""
    known = {label for source in all_sources() for label in (source.label.lower(), source.source_type.lower())}
    return [label for label in labels if label.lower() in known]


# The one row of its table.
RUN_PK = 1


def _default_distance() -> int:
    return hashing_settings().MAX_DISTANCE


@dataclass(frozen=True)
class GroupingOptions:
    """What counts as the same picture. Raises `ValueError` for a distance outside 0 to 384.

    `max_distance`: how far two pictures may be apart (`similarity.py`), by default `HASHING["MAX_DISTANCE"]`.
    `any_orientation`: also copies that were mirrored, flipped or turned by quarters.
    `exact_bytes`: only files that are equal byte for byte. These are the same picture without it as well.
    `sources`: labels like "blog.Photo" or "blog.Photo.original", only whose images are compared; all by default.
    """

    max_distance: int = field(default_factory=_default_distance)
    any_orientation: bool = False
    exact_bytes: bool = False
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.max_distance <= LARGEST_DISTANCE:
            raise ValueError(f"A distance must be between 0 and {LARGEST_DISTANCE}, not {self.max_distance}")

    @classmethod
    def of_last_run(cls, using: str) -> Self:
        """Those the stored groups were found with; the defaults while there was no run."""
        names = [each.name for each in fields(cls)]
        last = GroupingRun.objects.using(using).filter(pk=RUN_PK).values(*names).first()
        return cls(**last | {"sources": tuple(_known(last["sources"]))}) if last else cls()

    def rows(self, using: str) -> ImageAssetQuerySet[ImageAsset]:
        """Return the images that are compared. Raises `UnknownSource`."""
        rows = ImageAsset.objects.using(using)
        return rows.of_sources(self.sources) if self.sources else rows.all()

    def remember(self, using: str) -> None:
        GroupingRun(pk=RUN_PK, **asdict(self)).save(using=using)
