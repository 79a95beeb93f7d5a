"""Which image of a group is the better one to keep: the one with more pixels, then more bytes, then the older one.

One whose file is known to be missing or broken is kept before no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple, Self

FACTS_FIELDS = ("width", "height", "file_size", "created_at", "hash_error")


class Facts(NamedTuple):
    """Of one row. `age` is something that is smaller the older the row is."""

    pixels: int
    file_size: int
    age: Any
    is_sound: bool = True

    @classmethod
    def of_row(cls, width: int | None, height: int | None, file_size: int | None, age: Any, error: str) -> Self:
        """From the values of FACTS_FIELDS."""
        return cls((width or 0) * (height or 0), file_size or 0, age, not error)


def best_first(facts: Mapping[Any, Facts], marked: AbstractSet[Any]) -> Sequence[Any]:
    """The keys, those to keep before others. Pictures that are marked as duplicates come last."""

    def rank(key: Any) -> tuple[Any, ...]:
        pixels, file_size, age, is_sound = facts[key]
        return not is_sound, key in marked, -pixels, -file_size, age, key

    return sorted(facts, key=rank)
