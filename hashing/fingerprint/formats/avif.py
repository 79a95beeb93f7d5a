from __future__ import annotations

import os
import re
from typing import IO

from PIL.AvifImagePlugin import AvifImageFile

from hashing.fingerprint.formats.splicing import splice

# The entry of an EXIF block in the list of items, up to its type.
EXIF_ENTRY = re.compile(rb"infe[\2\3]...(?:..|....)..(?=Exif)", re.DOTALL)
MAX_LIST_LENGTH = 1 << 20


def open_avif(file: IO[bytes], filename: str = "") -> AvifImageFile:
    """Open an AVIF file, without its EXIF block if that is damaged; the container itself stores the orientation."""
    try:
        return AvifImageFile(file, filename)
    except Exception:
        file.seek(0)
        entry = EXIF_ENTRY.search(file.read(MAX_LIST_LENGTH))
        if entry is None:
            raise
        size = file.seek(0, os.SEEK_END)
        return AvifImageFile(splice(file, [range(entry.end()), b"free", range(entry.end() + 4, size)]), filename)
