"""What a person says about the pictures of a group, and how it is taken back."""

from __future__ import annotations

from uuid import UUID

from hashing.models import DuplicateGroup


class DecisionRefused(ValueError):
    """The decision cannot be made any more; the message says why, for the person who wanted to."""


def decide_same(group: DuplicateGroup, asset_pk: int, user_pk: int) -> UUID:
    """The picture is the same as the keeper, and is marked as its duplicate. Returns what `undo` takes."""
    raise NotImplementedError


def decide_different(group: DuplicateGroup, asset_pk: int, user_pk: int) -> UUID:
    """The picture is not the same as the keeper; they never come up together again."""
    raise NotImplementedError


def keep(group: DuplicateGroup, asset_pk: int, user_pk: int) -> UUID:
    """This picture is kept, and all others of the group are marked as its duplicates."""
    raise NotImplementedError


def undo_last(user_pk: int) -> list[int]:
    """Take back what this person decided last. Returns the keys of the pictures it was about; none when there is
    nothing to take back."""
    raise NotImplementedError
