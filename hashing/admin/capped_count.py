from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.template.defaultfilters import floatformat
from django.utils.translation import gettext as _


@dataclass(frozen=True)
class CappedCount:
    """The number of some rows and sums over them, counted up to a limit. `is_capped`: there are more rows."""

    rows: int
    sums: dict[str, int]
    is_capped: bool

    @classmethod
    def of(cls, rows: QuerySet[Any], limit: int, **fields: str) -> CappedCount:
        """Count rows, with one query. `fields` are added up."""
        sums = {f"sum_{name}": Sum(field) for name, field in fields.items()}
        counted = rows.order_by().values(*fields.values() or ("pk",))[: limit + 1]
        found = counted.aggregate(rows=Count("*"), **sums)
        values = {name: int(found[f"sum_{name}"] or 0) for name in fields}
        return cls(min(found["rows"], limit), values, found["rows"] > limit)

    def describe(self, text: Any) -> str:
        """Return a text of `ngettext_lazy`, chosen by `rows`, with the number in place of %(count)s."""
        return str(text % {"rows": self.rows, "count": self.at_least(floatformat(self.rows, "0g"))})

    def at_least(self, text: str) -> str:
        """Return a number of which `text` is the part up to the limit."""
        return _("over %(number)s") % {"number": text} if self.is_capped else text
