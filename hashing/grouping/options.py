from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Self

from hashing.conf import hashing_settings
from hashing.models.duplicates import GroupingRun
from hashing.similarity import LARGEST_DISTANCE

# The one row of its table.
RUN_PK = 1


def _default_distance() -> int:
    return hashing_settings().MAX_DISTANCE


@dataclass(frozen=True)
class GroupingOptions:
    """What counts as the same picture. Raises `ValueError` for a distance outside 0 to 384.

    `max_distance`: how far two pictures may be apart (`hashing.similarity`), by default `HASHING["MAX_DISTANCE"]`.
    `any_orientation`: also copies that were mirrored, flipped or turned by quarters.
    `exact_bytes`: only files that are equal byte for byte. These are the same picture without it as well.
    """

    max_distance: int = field(default_factory=_default_distance)
    any_orientation: bool = False
    exact_bytes: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.max_distance <= LARGEST_DISTANCE:
            raise ValueError(f"A distance must be between 0 and {LARGEST_DISTANCE}, not {self.max_distance}")

    @classmethod
    def of_last_run(cls, using: str) -> Self:
        """Those the stored groups were found with; the defaults while there was no run."""
        names = [each.name for each in fields(cls)]
        last = GroupingRun.objects.using(using).filter(pk=RUN_PK).values(*names).first()
        return cls(**last) if last else cls()

    def remember(self, using: str) -> None:
        GroupingRun(pk=RUN_PK, **asdict(self)).save(using=using)
