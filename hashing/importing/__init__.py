"""Register the image files of a folder.

walk       which files there are, and which are no business of ours
names      the name each file has in the storage
register   from file to row
report     what came of it
"""

from __future__ import annotations

from hashing.importing.register import ImageImport, StorageRefusal
from hashing.importing.report import ImportReport

__all__ = ["ImageImport", "ImportReport", "StorageRefusal"]
