from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import Paginator
from django.db import DataError

from hashing.db.queryset_state import is_narrowed
from hashing.db.table_size import estimate_count

# Filtered rows are counted up to this: more pages than anybody opens.
MAX_COUNTED = 100_000


@contextmanager
def values_checked() -> Iterator[None]:
    """Treat a filter in the address as invalid if no row can have its value, such as the year -1.

    Django notices it when the rows are counted.
    """
    try:
        yield
    except (ValueError, OverflowError, DataError) as error:
        raise IncorrectLookupParameters(error) from error


class LargeTablePaginator(Paginator):  # type: ignore[type-arg]
    """Pages of a table that is too large to be counted.

    The number of all rows may be an estimate (`is_estimate`), and filtered rows are counted up to a limit
    (`is_capped`: there are more).
    """

    is_estimate = False
    is_capped = False

    @cached_property
    def count(self) -> int:
        with values_checked():
            return self._count(self.object_list)

    def _count(self, queryset: Any) -> int:
        if not is_narrowed(queryset):
            estimate = estimate_count(queryset)
            self.is_estimate = estimate is not None
            return queryset.order_by().count() if estimate is None else estimate
        counted: int = queryset.order_by()[: MAX_COUNTED + 1].count()
        self.is_capped = counted > MAX_COUNTED
        return min(counted, MAX_COUNTED)
