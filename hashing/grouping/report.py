"""What a search for duplicates has found, as text, JSON and CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TextIO

from hashing.fingerprint.orientations import Orientation
from hashing.grouping.finder import FoundGroup, FoundMember
from hashing.grouping.options import GroupingOptions
from hashing.grouping.store import Changes

RULE = "=" * 60
CSV_COLUMNS = ("keeper", "pk", "distance", "orientation", "decided", "file_size")
KIB = 1024


@dataclass(frozen=True)
class GroupingReport:
    """`changes` is None when nothing was to be stored."""

    groups: Sequence[FoundGroup]
    options: GroupingOptions
    changes: Changes | None = None

    @property
    def pictures(self) -> int:
        return sum(1 + len(group.members) for group in self.groups)

    @property
    def bytes_to_free(self) -> int:
        """By all pictures of the groups but their keepers."""
        return sum(member.file_size for group in self.groups for member in group.members)

    @property
    def largest(self) -> int:
        """Pictures in the largest group."""
        return max((1 + len(group.members) for group in self.groups), default=0)

    def as_text(self) -> str:
        """The results block, without a line break at its end."""
        lines = [
            RULE,
            "DUPLICATES",
            RULE,
            f"Groups: {len(self.groups)}",
            f"Pictures in groups: {self.pictures}",
            f"Could be freed: {_readable(self.bytes_to_free)}",
            f"Largest group: {self.largest}",
            self._stored(),
        ]
        return "\n".join([*lines, RULE])

    def _stored(self) -> str:
        if self.changes is None:
            return "Stored: nothing (dry run)"
        if not any(self.changes):
            return "Stored: nothing changed"
        counts = self.changes._asdict()
        return "Stored: " + ", ".join(f"{counts[name]} {name}" for name in ("added", "changed", "removed"))

    def write_json(self, file: TextIO) -> None:
        """Group by group, so that a large report needs no memory of its own."""
        facts = {
            **asdict(self.options),
            "pictures": self.pictures,
            "bytes_to_free": self.bytes_to_free,
            "largest_group": self.largest,
        }
        # In whole lines, because a command's stdout ends each text that it is given with a line break.
        file.write('{"groups": [\n')
        for number, group in enumerate(self.groups, start=1):
            line = json.dumps({"keeper": group.keeper, "members": [self._member(each) for each in group.members]})
            file.write(line + (",\n" if number < len(self.groups) else "\n"))
        file.write(f"], {json.dumps(facts)[1:-1]}}}\n")

    def _member(self, member: FoundMember) -> dict[str, Any]:
        facts = _member(member)
        if not self.options.any_orientation:
            del facts["orientation"]
        return facts

    def write_csv(self, file: TextIO) -> None:
        """A line for each picture that is not a keeper."""
        writer = csv.writer(file)
        writer.writerow(CSV_COLUMNS)
        for group in self.groups:
            for each in group.members:
                writer.writerow([group.keeper, *_member(each).values(), each.is_same, each.file_size])


def _member(member: FoundMember) -> dict[str, Any]:
    return {
        "pk": member.key,
        "distance": member.distance,
        "orientation": Orientation(member.orientation).name.lower(),
    }


def _readable(size: int) -> str:
    """In the largest unit that leaves a number of at least 1, and exactly."""
    amount, units = float(size), iter(("bytes", "KiB", "MiB", "GiB", "TiB"))
    unit = next(units)
    while amount >= KIB and unit != "TiB":
        amount, unit = amount / KIB, next(units)
    return f"{size} bytes" if unit == "bytes" else f"{amount:.1f} {unit} ({size} bytes)"
