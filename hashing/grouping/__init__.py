from __future__ import annotations

from hashing.grouping.full_run import afind_duplicates, find_duplicates
from hashing.grouping.options import GroupingOptions
from hashing.grouping.report import GroupingReport

__all__ = ["GroupingOptions", "GroupingReport", "afind_duplicates", "find_duplicates"]
