"""What was done to a queryset.

Django has no public names for these attributes of `QuerySet.query`; no other module uses them.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet


def is_narrowed(rows: QuerySet[Any]) -> bool:
    """Return whether a queryset may leave rows of its table out."""
    return bool(rows.query.where) or is_sliced(rows) or combinator(rows) is not None


def is_sliced(rows: QuerySet[Any]) -> bool:
    return bool(rows.query.is_sliced)


def combinator(rows: QuerySet[Any]) -> str | None:
    """Return "union", "intersection" or "difference" for a queryset that is made of others."""
    return rows.query.combinator


def is_distinct(rows: QuerySet[Any]) -> bool:
    return bool(rows.query.distinct)


def has_annotation(rows: QuerySet[Any], name: str) -> bool:
    return name in rows.query.annotations


def gives_values(rows: QuerySet[Any]) -> bool:
    """Return whether `values()` or `values_list()` was called."""
    return bool(rows.query.values_select) or rows.query.annotation_select_mask is not None


def locks_rows(rows: QuerySet[Any]) -> bool:
    """Return whether `select_for_update()` was called."""
    return bool(rows.query.select_for_update)
