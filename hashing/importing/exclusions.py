from __future__ import annotations

import os
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from django.utils.translation import gettext as _

# Folders of NAS devices, Windows, macOS and file systems. Hidden folders are left out anyway.
SYSTEM_FOLDERS = frozenset(
    {
        "#recycle",
        "#snapshot",
        "$RECYCLE.BIN",
        "@Recently-Snapshot",
        "@Recycle",
        "@__thumb",
        "@eaDir",
        "@tmp",
        "RECYCLER",
        "System Volume Information",
        "__MACOSX",
        "lost+found",
    }
)
# Named by django-imagekit, django-versatileimagefield and django-filer.
THUMBNAIL_FOLDERS = ("CACHE/images", "__sized__", "__filtered__", "__placeholder__", "filer_public_thumbnails")
# These have originals too: "thumbnails/" is a frequent `upload_to`. Only a file with a namesake in the parent folder
# is left out.
USUAL_THUMBNAIL_FOLDERS = frozenset({"thumbs", "_thumbs", "thumbnails"})

# photo.jpg.100x0_q85_crop.jpg, and django-filer's photo.jpg__100x0_q85.jpg
EASY_THUMBNAIL = re.compile(r"\.[a-z]{3,4}(\.|__)[0-9]+x[0-9]+_q[0-9]+[^/]*\.[a-z]{3,4}$", re.IGNORECASE)
# The path is an MD5 digest.
SORL_THUMBNAIL = re.compile(r"(^|/)cache/([0-9a-f]{2})/([0-9a-f]{2})/\2\3[0-9a-f]{28}\.[a-z]{3,4}$")
# photo.max-165x165.jpg, photo.2e16d0ba.fill-300x200-c100.format-webp.webp
WAGTAIL_RENDITION = re.compile(
    r"\.(max|min|fill)-[0-9]+x[0-9]+|\.(width|height|scale)-[0-9]|\.original\.|\.format-(jpeg|png|gif|webp|avif)"
)


class Exclusions:
    """Rules by which files and folders are left out: patterns of the caller, system folders, and thumbnails.

    A pattern without a slash is compared with the name of every file and folder. One with a slash is compared with the
    path below the root, part by part; `**` stands for any number of folders. In a part, `*`, `?` and `[...]` stand for
    characters. A folder that matches is left out with everything in it; a pattern that ends with a slash matches only
    folders. Patterns are case-sensitive.
    """

    def __init__(self, patterns: Iterable[str] = (), *, include_thumbnails: bool = False) -> None:
        """Raise `ValueError` for a pattern that names nothing."""
        self._patterns = [Pattern(pattern) for pattern in patterns]
        self._include_thumbnails = include_thumbnails

    def folder_reason(self, relative: PurePosixPath) -> str:
        """Return why the folder is left out, or an empty text."""
        if relative.name in SYSTEM_FOLDERS:
            return _("system folder")
        return _("excluded") if self.is_excluded(relative, is_folder=True) else ""

    def file_reason(self, root: Path, relative: PurePosixPath) -> str:
        """Return why a file in a folder that takes part is left out, or an empty text."""
        if self.is_excluded(relative, is_folder=False):
            return _("excluded")
        if not self._include_thumbnails and is_thumbnail(root, relative):
            return _("thumbnail of another app")
        return ""

    def is_excluded(self, relative: PurePosixPath, *, is_folder: bool) -> bool:
        return any(pattern.matches(relative, is_folder=is_folder) for pattern in self._patterns)


def is_thumbnail(root: Path, relative: PurePosixPath) -> bool:
    """Whether the path proves that an app has made the file from another one.

    Recognizes django-imagekit, easy-thumbnails, django-filer, sorl-thumbnail, django-versatileimagefield and Wagtail.
    """
    path, folder = str(relative), relative.parent
    if any(f"/{thumbnails}/" in f"/{folder}/" for thumbnails in THUMBNAIL_FOLDERS):
        return True
    if EASY_THUMBNAIL.search(relative.name) or SORL_THUMBNAIL.search(path):
        return True
    if folder.name in USUAL_THUMBNAIL_FOLDERS:
        return os.path.isfile(root / folder.parent / relative.name)  # noqa: PTH113 - False also for a path that is too long
    return bool(WAGTAIL_RENDITION.search(relative.name)) and has_wagtail_originals(root / folder)


def has_wagtail_originals(folder: Path) -> bool:
    return folder.name == "images" and os.path.isdir(folder.parent / "original_images")  # noqa: PTH112


class Pattern:
    def __init__(self, pattern: str) -> None:
        self._folders_only = pattern.endswith("/")
        self._anchored = "/" in pattern.rstrip("/")
        self._parts = tuple(part for part in pattern.split("/") if part not in {"", "."})
        if not self._parts:
            raise ValueError(_("%(pattern)r names no file and no folder") % {"pattern": pattern})

    def matches(self, relative: PurePosixPath, *, is_folder: bool) -> bool:
        if self._folders_only and not is_folder:
            return False
        if not self._anchored:
            return fnmatchcase(relative.name, self._parts[0])
        return parts_match(relative.parts, self._parts)


def parts_match(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(parts_match(parts[start:], pattern[1:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and parts_match(parts[1:], pattern[1:])
