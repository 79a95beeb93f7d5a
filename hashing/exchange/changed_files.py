"""Images whose foreign hash is that of another picture: their file was probably replaced since it was computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hashing.exchange.foreign_hashes import Comparison
from hashing.exchange.foreign_rows import ForeignRow
from hashing.exchange.hash_records import OWNER_FIELDS

CHANGED_COLUMNS = ("pk", *OWNER_FIELDS, "image", "foreign_hash", "own_hash", "distance")


class ChangedFiles:
    """Records of the images that have changed. Iterating counts the others as well: agreeing, and unhashed."""

    def __init__(self, rows: Iterable[ForeignRow], comparison: Comparison) -> None:
        self._rows, self._comparison = rows, comparison
        self.agreeing = self.changed = self.unhashed = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        layout = self._comparison.layout
        digits = layout.bits // 4
        for row in self._rows:
            if row.foreign.bits != layout.bits:
                continue
            if row.own is None:
                self.unhashed += 1
                continue
            distance = self._comparison.distance(row.foreign, row.own)
            if not self._comparison.is_changed(distance):
                self.agreeing += 1
                continue
            self.changed += 1
            own = f"{layout.of(row.own):0{digits}x}"
            values = (row.pk, *row.owner, row.image, f"{row.foreign.number:0{digits}x}", own, distance)
            yield dict(zip(CHANGED_COLUMNS, values, strict=True))
