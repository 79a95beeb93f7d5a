from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hashing.admin.review.orders import ORDERS
from hashing.models import DuplicateGroup, ImageAsset


@pytest.fixture
def groups(add_group):
    """Three groups that each order sorts differently, the second and the third with a value in common."""
    made = [add_group(size=2, names=name) for name in ("b/{place}/z.jpg", "a/{place}/y.jpg", "a/{place}/Y2.jpg")]
    values = [(5, 300, 1), (1, 200, 9), (3, 200, 9)]
    for day, (group, (distance, size, count)) in enumerate(zip(made, values, strict=True), start=1):
        found_at = datetime(2026, 11, day, tzinfo=UTC)
        DuplicateGroup.objects.filter(pk=group.pk).update(
            max_distance=distance, open_bytes=size, size=count, found_at=found_at
        )
    return list(DuplicateGroup.objects.order_by("pk"))


EXPECTED = {
    "surest": [1, 2, 0],
    "bytes": [0, 1, 2],
    "newest": [2, 1, 0],
    "folder": [2, 1, 0],
    "name": [1, 2, 0],
    "size": [1, 2, 0],
}


@pytest.mark.parametrize("name", ORDERS)
def test_groups_are_sorted(groups, name):
    found = ORDERS[name].sort(DuplicateGroup.objects.all())
    assert [groups.index(group) for group in found] == EXPECTED[name]


@pytest.mark.parametrize("name", ORDERS)
def test_conditions_agree_with_the_order(groups, name):
    order = ORDERS[name]
    rows = order.sort(order.with_value(DuplicateGroup.objects.all()))
    in_order = list(rows)
    for number, group in enumerate(in_order):
        keeper = ImageAsset.objects.get(pk=group.keeper_id)
        assert list(rows.filter(order.is_before(group, keeper))) == in_order[:number]
        assert list(rows.filter(order.is_after(group, keeper))) == in_order[number + 1 :]
