"""Register the image files of a folder.

walk       which files there are, and which are no business of ours
openat     no link on the way to them
names      the name each file has in the storage
copying    the file under that name
register   from file to row
report     what came of it
"""

from __future__ import annotations

from hashing.importing.copying import StorageRefusal
from hashing.importing.register import ImageImport
from hashing.importing.report import ImportReport

__all__ = ["ImageImport", "ImportReport", "StorageRefusal"]
