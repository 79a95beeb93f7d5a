from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from hashing.conf import hashing_settings
from hashing.models.duplicates import GroupingRun
from hashing.perceptual_hash import HASH_BITS

# The one row of its table.
RUN_PK = 1


def _default_distance() -> int:
    return hashing_settings().MAX_DISTANCE // 20


@dataclass(frozen=True)
class GroupingOptions:
    """What counts as the same picture. Raises `ValueError` for distances outside 0 to 64.

    `max_distance`: bits in which the perceptual hashes may differ, by default `HASHING["MAX_DISTANCE"]`.
    `confirm_distance`: the same for the vertical hashes; None is the same limit.
    `any_orientation`: also copies that were mirrored, flipped or turned by quarters.
    `exact_bytes`: only files that are equal byte for byte; they are read. Blank pages may then be among them.
    """

    max_distance: int = field(default_factory=_default_distance)
    confirm_distance: int | None = None
    any_orientation: bool = False
    exact_bytes: bool = False

    def __post_init__(self) -> None:
        for distance in (self.max_distance, self.confirm_limit):
            if not 0 <= distance <= HASH_BITS:
                raise ValueError(f"A distance must be between 0 and {HASH_BITS}, not {distance}")

    @classmethod
    def of_last_run(cls, using: str) -> Self:
        """Those the stored groups were found with; the defaults while there was no run."""
        names = [each.name for each in fields(cls)]
        last = GroupingRun.objects.using(using).filter(pk=RUN_PK).values(*names).first()
        return cls(**last) if last else cls()

    def remember(self, using: str) -> None:
        GroupingRun(pk=RUN_PK, **asdict(self)).save(using=using)

    @property
    def confirm_limit(self) -> int:
        return self.max_distance if self.confirm_distance is None else self.confirm_distance

    def for_search(self) -> dict[str, Any]:
        """The arguments of `similar_to()` that find everything that may be in one group."""
        if self.exact_bytes:
            return {"max_distance": 0, "include_low_quality": True}
        return {"max_distance": min(20 * self.max_distance, 384), "any_orientation": self.any_orientation}
