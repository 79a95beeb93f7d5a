from __future__ import annotations

from typing import Any

from django import template
from django.db.models import Model, QuerySet

from hashing.indexing.similar_rows import similar_rows

register = template.Library()


@register.simple_tag
def similar_pictures(
    row: Model,
    among: QuerySet[Any] | None = None,
    limit: int = 10,
    *,
    max_distance: int | None = None,
    any_orientation: bool = False,
    field: str | None = None,
) -> list[Any]:
    """Return the rows that show the same picture, nearest first: `{% similar_pictures photo as copies %}`.

    Only rows of the queryset `among` are searched, by default those of the model's default manager.
    """
    rows = type(row)._default_manager.all() if among is None else among
    found = similar_rows(rows, row, max_distance, any_orientation=any_orientation, field=field)
    return list(found[:limit])
