"""Register the image files of a folder.

walk         the image files below a folder
exclusions   what is left out by its name: system folders, thumbnails of other apps, the caller's patterns
openat       opening files without following a link
names        the name of each file in the storage
copying      storing a file under that name
register     from files to rows
report       counts and reasons
"""

from __future__ import annotations

from hashing.importing.copying import StorageRefusal
from hashing.importing.exclusions import Exclusions
from hashing.importing.register import ImageImport
from hashing.importing.report import ImportReport

__all__ = ["Exclusions", "ImageImport", "ImportReport", "StorageRefusal"]
