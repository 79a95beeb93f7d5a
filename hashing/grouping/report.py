from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TextIO

from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import Framing
from hashing.grouping.finder import FoundGroup, FoundMember
from hashing.grouping.options import GroupingOptions
from hashing.grouping.store import Changes

RULE = "=" * 60
CSV_COLUMNS = ("keeper", "pk", "distance", "orientation", "framed", "decided", "file_size")
# Which of the two images was compared without its frame.
FRAMED = {Framing.NONE: "", Framing.ROW: "image", Framing.QUERY: "keeper", Framing.BOTH: "both"}
KIB = 1024


@dataclass(frozen=True)
class GroupingReport:
    """The result of a search for duplicates as text, JSON and CSV. `changes` is None if nothing was to be stored."""

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

    def write_json(self, file: TextIO) -> None:
        """Write group by group, so that a large report is never in memory as a whole."""
        summary = {
            **asdict(self.options),
            "images": self.images,
            "bytes_to_free": self.bytes_to_free,
            "largest_group": self.largest,
        }
        # Whole lines, because the stdout of a command adds a line break to each text.
        file.write('{"groups": [\n')
        for number, group in enumerate(self.groups, start=1):
            members = [self._member_as_json(each) for each in group.members]
            line = json.dumps({"keeper": group.keeper, "members": members})
            file.write(line + (",\n" if number < len(self.groups) else "\n"))
        file.write(f"], {json.dumps(summary)[1:-1]}}}\n")

    def write_csv(self, file: TextIO) -> None:
        """Write a line for each image that is not a keeper."""
        writer = csv.writer(file)
        writer.writerow(CSV_COLUMNS)
        for group in self.groups:
            for each in group.members:
                match = (each.key, each.distance, orientation_name(each), FRAMED[Framing(each.framing)])
                writer.writerow([group.keeper, *match, each.is_same, each.file_size])

    def _member_as_json(self, member: FoundMember) -> dict[str, Any]:
        described: dict[str, Any] = {"pk": member.key, "distance": member.distance}
        if self.options.any_orientation:
            described["orientation"] = orientation_name(member)
        if framed := FRAMED[Framing(member.framing)]:
            described["framed"] = framed
        return described


def orientation_name(member: FoundMember) -> str:
    return Orientation(member.orientation).name.lower()


def readable_size(size: int) -> str:
    """Format bytes in the largest unit that gives a number of at least 1, and exactly."""
    amount, units = float(size), iter(("bytes", "KiB", "MiB", "GiB", "TiB"))
    unit = next(units)
    while amount >= KIB and unit != "TiB":
        amount, unit = amount / KIB, next(units)
    return f"{size} bytes" if unit == "bytes" else f"{amount:.1f} {unit} ({size} bytes)"
