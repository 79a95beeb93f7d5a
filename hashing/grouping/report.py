from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hashing.grouping.finder import FoundGroup
from hashing.grouping.options import GroupingOptions
from hashing.grouping.store import Changes

RULE = "=" * 60
KIB = 1024


@dataclass(frozen=True)
class GroupingReport:
    """The result of a search for duplicates. `changes` is None if nothing was to be stored."""

    groups: Sequence[FoundGroup]
    options: GroupingOptions
    changes: Changes | None = None

    @property
    def images(self) -> int:
        return sum(1 + len(group.members) for group in self.groups)

    @property
    def bytes_to_free(self) -> int:
        """The size of all images in groups except for the keepers."""
        return sum(member.file_size for group in self.groups for member in group.members)

    @property
    def largest(self) -> int:
        """The number of images in the largest group."""
        return max((1 + len(group.members) for group in self.groups), default=0)

    def as_text(self) -> str:
        """Return the results block, without a line break at the end."""
        lines = [
            RULE,
            "DUPLICATES",
            RULE,
            f"Groups: {len(self.groups)}",
            f"Images in groups: {self.images}",
            f"Could be freed: {readable_size(self.bytes_to_free)}",
            f"Largest group: {self.largest}",
            f"Stored: {self._changes_text()}",
            RULE,
        ]
        return "\n".join(lines)

    def _changes_text(self) -> str:
        if self.changes is None:
            return "nothing (dry run)"
        if not any(self.changes):
            return "nothing changed"
        return "{added} added, {changed} changed, {removed} removed".format(**self.changes._asdict())


def readable_size(size: int) -> str:
    """Format bytes in the largest unit that gives a number of at least 1, and exactly."""
    amount, units = float(size), iter(("bytes", "KiB", "MiB", "GiB", "TiB"))
    unit = next(units)
    while amount >= KIB and unit != "TiB":
        amount, unit = amount / KIB, next(units)
    return f"{size} bytes" if unit == "bytes" else f"{amount:.1f} {unit} ({size} bytes)"
