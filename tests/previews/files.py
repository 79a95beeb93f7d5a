"""The files of the previews. Their contents are tested with the page that shows them."""

from __future__ import annotations

from pathlib import Path

from hashing.previews.location import FOLDER


def stored(folder: Path) -> list[str]:
    """Return the names of the previews in a storage."""
    return [path.name for path in (folder / FOLDER).rglob("*") if path.is_file()]
