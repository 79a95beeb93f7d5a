from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.grouping.decisions import decide_different, decide_same, undo
from hashing.grouping.finder import find_groups
from hashing.grouping.options import GroupingOptions
from hashing.grouping.pair_constraints import read_constraints
from hashing.grouping.store import store_groups
from hashing.models import DuplicateGroup, ImageAsset, MarkedDuplicate, PairDecision

# Far from one another in all hashes, and from themselves in any other orientation.
PICTURES = [0x0123456789ABCDEF, 0xF0E1D2C3B4A59687, 0x5A17C3E8096BD2F4, 0xC96E21B7D4803F5A]

AddHashed = Callable[..., ImageAsset]


@pytest.fixture
def add_hashed(db) -> AddHashed:
    """Return a function that makes a row with the hashes of a picture, off by some bits, and a file of its own.

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
    """Return a function that finds and stores all groups, and returns them."""

    def run(**options) -> dict[int, set[int]]:
        chosen = GroupingOptions(**options)
        store_groups(find_groups(ImageAsset.objects.all(), chosen, read_constraints("default")), "default")
        chosen.remember("default")
        return stored_groups()

    return run


@pytest.fixture
def trio(add_hashed, group_all) -> list[ImageAsset]:
    """A keeper and two copies, in one group."""
    rows = [add_hashed(width=200), add_hashed(flips=1), add_hashed(flips=2)]
    group_all()
    return rows


@pytest.fixture
def somebody(db) -> User:
    return User.objects.create_user("somebody")


@pytest.fixture
def chain(trio, somebody, add_hashed, group_all):
    """A better picture, what somebody has called the same as it, and what is the same as that."""
    keeper, one, other = trio
    decide_different(the_group(), [other.pk], somebody.pk)
    decide_same(the_group(), [one.pk], somebody.pk)
    better = add_hashed(width=300)
    group_all()
    decide_same(DuplicateGroup.objects.get(keeper=better), [keeper.pk], somebody.pk)
    return better, keeper, one


def the_group() -> DuplicateGroup:
    return DuplicateGroup.objects.get()


def marked() -> set[int]:
    return set(MarkedDuplicate.objects.values_list("pk", flat=True))


def undo_last(user_pk: int) -> list[int]:
    """Take back what this user decided last. Returns the keys of the assets, none if there is nothing."""
    last = PairDecision.objects.filter(decided_by=user_pk).order_by("-pk").first()
    return undo(last.batch, user_pk) if last else []


def stored_groups() -> dict[int, set[int]]:
    """Return the members of each group, its keeper among them, by the keeper. Checks the counts as well."""
    groups = {}
    for group in DuplicateGroup.objects.all():
        members = list(group.members.select_related("asset").order_by("position"))
        assert members[0].asset_id == group.keeper_id
        assert group.size == len(members) > 1
        assert group.open_count == sum(not member.is_same for member in members)
        assert group.open_bytes == sum(member.asset.file_size or 0 for member in members if not member.is_same)
        assert group.max_distance == max(member.distance for member in members)
        groups[group.keeper_id] = {member.asset_id for member in members}
    return groups
