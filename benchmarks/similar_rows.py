"""Milliseconds of `similar_rows` beside `similar_to`, among rows of a source that own as many assets.

`python -m benchmarks.similar_rows [--rows N]`, on SQLite, or on PostgreSQL after `python -m servers.postgresql`.
"""

from __future__ import annotations

import argparse
from random import Random
from typing import Any

from benchmarks.report import print_table
from benchmarks.scratch_site import add_hashed_rows, analyse_tables, scratch_site
from benchmarks.search import HEADS, WARM_UP_SEARCHES, Search, measure, summarise


def give_each_asset_an_owner() -> None:
    """Add a row of the source for each asset, with the same key."""
    from django.db import connection

    from hashing.models import ImageAsset
    from tests.site_models.models import Picture

    assets, pictures = (connection.ops.quote_name(model._meta.db_table) for model in (ImageAsset, Picture))
    if Picture._meta.db_table not in connection.introspection.table_names():
        with connection.schema_editor() as editor:
            editor.create_model(Picture)
    with connection.cursor() as cursor:
        owner = "source_type = 'site_models.Picture', source_field = 'image', source_id = CAST(id AS text)"
        cursor.execute(f"UPDATE {assets} SET {owner}")
        cursor.execute(f"INSERT INTO {pictures} (id, image) SELECT id, image FROM {assets}")
    analyse_tables()


def measure_searches(rows: int, searches: int) -> list[list[Any]]:
    from hashing import similar_rows
    from hashing.models import ImageAsset
    from tests.site_models.models import Picture

    keys = Random(2).sample(range(1, rows + 1), min(searches, rows))
    pictures = list(Picture._base_manager.filter(pk__in=keys))
    assets = ImageAsset.objects.in_bulk(keys)
    ways: dict[str, Search] = {
        "similar_to": lambda picture: ImageAsset.objects.similar_to(assets[picture.pk]),
        "similar_rows": lambda picture: similar_rows(Picture._base_manager.all(), picture),
        "similar_rows, count()": lambda picture: range(similar_rows(Picture._base_manager.all(), picture).count()),
    }
    measure(ways, pictures[:WARM_UP_SEARCHES])
    return summarise(measure(ways, pictures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--searches", type=int, default=120)
    given = parser.parse_args()
    with scratch_site(settings="tests.settings") as database:
        from django.conf import settings

        from hashing.sources.registry import forget_sources

        settings.HASHING = {"SOURCES": ["site_models.Picture.image"]}
        forget_sources()
        add_hashed_rows(given.rows)
        give_each_asset_an_owner()
        found = measure_searches(given.rows, given.searches)
        print_table(f"Rows of a source among {given.rows:,}, {database}", HEADS, found)
        print(f"similar_rows takes {found[1][2] / found[0][2]:.2f} times as long as similar_to.")


if __name__ == "__main__":
    main()
