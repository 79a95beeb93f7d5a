from __future__ import annotations

import pytest
from django.contrib.admin import site

from hashing.admin.hashing_actions.selection import Selection, without_distinct
from hashing.models import ImageAsset
from tests.admin.conftest import address, make_user

QUERIES = ["", "q=tree", "q=tree+2", "state=failed", "state=waiting&q=tree", "source=none", "o=-2"]
DATES = "created_at__lt=2021-01-01+00%3A00%3A00%2B00%3A00"


@pytest.fixture
def rows(db) -> list[ImageAsset]:
    rows = [ImageAsset(image=f"tree{number}.jpg", hash_error="broken" * (number % 2)) for number in range(4)]
    ImageAsset.objects.bulk_create([*rows, ImageAsset(image="car.jpg")])
    ImageAsset.objects.filter(image="tree2.jpg").update(created_at="2020-01-01T00:00Z")
    return list(ImageAsset.objects.order_by("pk"))


@pytest.mark.parametrize("query", [*QUERIES, DATES])
def test_rows_without_a_request_are_those_of_the_list(client_of, rows, query):
    """`get_changelist_instance()`, which is not documented, must return the same rows in every version of Django."""
    client = client_of("editor")
    shown = client.get(f"{address('changelist')}?{query}").context["cl"].result_list
    user = client.get(address("changelist")).context["user"]
    selected = Selection(query).rows(site.get_model_admin(ImageAsset), user)
    assert {row.pk for row in selected} == {row.pk for row in shown}
    assert shown


def test_rows_are_those_with_the_selected_keys(rows):
    chosen = [rows[1].pk, rows[3].pk]
    selection = Selection(keys=[str(key) for key in chosen])
    found = selection.rows(site.get_model_admin(ImageAsset), make_user("editor"))
    assert sorted(found.values_list("pk", flat=True)) == chosen


def test_distinct_is_replaced_by_a_condition(rows):
    found = without_distinct(ImageAsset.objects.filter(image__startswith="tree").distinct())
    assert not found.query.distinct
    assert found.count() == 4
