from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.grouping.constraints import read_constraints
from hashing.grouping.decisions import undo
from hashing.grouping.finder import find_groups
from hashing.grouping.options import GroupingOptions
from hashing.grouping.store import store_groups
from hashing.models import DuplicateGroup, ImageAsset, PairDecision

# Far from one another in all hashes, and from themselves in any other orientation.
PICTURES = [0x0123456789ABCDEF, 0xF0E1D2C3B4A59687, 0x5A17C3E8096BD2F4, 0xC96E21B7D4803F5A]

AddHashed = Callable[..., ImageAsset]


@pytest.fixture
def add_hashed(db) -> AddHashed:
    """Makes a row with the hashes of a picture, off by some bits, and a file of its own.

    Each of the `flips` is a distance of 4, two bits in both small hashes: with 5 of them, pictures just match.
    """

    def add(picture: int = 0, flips: int = 0, start: int = 0, **fields) -> ImageAsset:
        off = sum(0b11 << 2 * (start + bit) for bit in range(flips))
        number = ImageAsset.objects.count()
        values = {
            "image": f"{number}.jpg",
            "perceptual_hash": f"{PICTURES[picture] ^ off:016x}",
            "vertical_hash": f"{PICTURES[picture] * 3 % 2**64 ^ off:016x}",
            "detail_hash": f"{PICTURES[picture] ** 4 % 2**256:064x}",
            "file_digest": f"{number:064x}",
            "hash_quality": 90,
            "hash_version": HASH_VERSION,
            "width": 100,
            "height": 100,
            "file_size": 1000,
        }
        return ImageAsset.objects.bulk_create([ImageAsset(**values | fields)])[0]

    return add


@pytest.fixture
def group_all(db) -> Callable[..., dict[int, set[int]]]:
    """Finds and stores all groups, and returns them."""

    def run(**options) -> dict[int, set[int]]:
        chosen = GroupingOptions(**options)
        store_groups(find_groups(ImageAsset.objects.all(), chosen, read_constraints("default")), "default")
        chosen.remember("default")
        return stored_groups()

    return run


@pytest.fixture
def somebody(db) -> User:
    return User.objects.create_user("somebody")


def undo_last(user_pk: int) -> list[int]:
    """Takes back what this person decided last. Returns the keys of the images, none when there is nothing."""
    last = PairDecision.objects.filter(decided_by=user_pk).order_by("-pk").first()
    return undo(last.batch, user_pk) if last else []


def stored_groups() -> dict[int, set[int]]:
    """Keys of the members of each group, its keeper among them, by the key of the keeper. The numbers are checked."""
    groups = {}
    for group in DuplicateGroup.objects.all():
        members = list(group.members.order_by("position"))
        assert members[0].asset_id == group.keeper_id
        assert group.size == len(members) > 1
        assert group.open_count == sum(not member.is_same for member in members)
        assert group.max_distance == max(member.distance for member in members)
        groups[group.keeper_id] = {member.asset_id for member in members}
    return groups
