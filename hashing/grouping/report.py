from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

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
            _("DUPLICATES"),
            RULE,
            _("Groups: %(count)d") % {"count": len(self.groups)},
            _("Images in groups: %(count)d") % {"count": self.images},
            _("Could be freed: %(size)s") % {"size": readable_size(self.bytes_to_free)},
            _("Largest group: %(count)d") % {"count": self.largest},
            _("Stored: %(changes)s") % {"changes": self._changes_text()},
            RULE,
        ]
        return "\n".join(lines)

    def _changes_text(self) -> str:
        if self.changes is None:
            return _("nothing (dry run)")
        if not any(self.changes):
            return _("nothing changed")
        return _("%(added)d added, %(changed)d changed, %(removed)d removed") % self.changes._asdict()


def readable_size(size: int) -> str:
    """Format bytes in the largest unit that gives a number of at least 1, and exactly."""
    amount, units = float(size), iter(("bytes", "KiB", "MiB", "GiB", "TiB"))
    unit = next(units)
    while amount >= KIB and unit != "TiB":
        amount, unit = amount / KIB, next(units)
    exact = ngettext("%(size)d byte", "%(size)d bytes", size) % {"size": size}
    return exact if unit == "bytes" else f"{amount:.1f} {unit} ({exact})"
