"""From the files of a folder to rows: copied into the storage, or registered where they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Protocol

from django.core.files import File
from django.core.files.storage import Storage
from django.db import router

from hashing.backfill.printable import printable
from hashing.importing.names import CopiedNames, NamesInPlace
from hashing.importing.report import ImportReport
from hashing.importing.walk import FoundImage, LeftOut, walk_images
from hashing.models import ImageAsset

COMPARED_BYTES = 1 << 16


class StorageRefusal(Exception):
    """The storage does not take files; the next ones would fare no better."""


class Progress(Protocol):
    """Hears of every file, and whether it was left out."""

    def advance(self, *, failed: bool) -> None: ...


class ImageImport:
    """Registers the image files below `root`, an absolute path without links.

    `names` says what each is called in the storage. Files are copied there unless those are `NamesInPlace`. A row is
    written after its file, so that an import that was killed is made good by running it again.
    """

    def __init__(
        self,
        root: Path,
        names: CopiedNames | NamesInPlace,
        *,
        batch_size: int = 500,
        dry_run: bool = False,
        using: str | None = None,
        should_stop: Callable[[], bool] | None = None,
        progress: Progress | None = None,
    ) -> None:
        alias = using or router.db_for_write(ImageAsset)
        self._root = root
        self._names = names
        self._batch_size = batch_size
        self._dry_run = dry_run
        self._assets = ImageAsset.objects.using(alias)
        self._field = ImageAsset.image.field
        self._should_stop = should_stop or (lambda: False)
        self._progress = progress
        self.report = ImportReport()

    def run(self) -> ImportReport:
        """Register until the walk is over or `should_stop` is true. Raises `StorageRefusal`."""
        found = self._found_images()
        while batch := list(islice(found, self._batch_size)):
            self._register(batch)
        return self.report

    def _found_images(self) -> Iterator[FoundImage]:
        for file in walk_images(self._root):
            if self._should_stop():
                return
            if isinstance(file, LeftOut):
                self._leave_out(file.relative, file.reason)
            else:
                yield file

    def _register(self, batch: list[FoundImage]) -> None:
        names = {self._names.name(file): file for file in batch}
        known = set(self._assets.filter(image__in=names).values_list("image", flat=True))
        self.report.known += len(known)
        for _ in known:
            self._tell(failed=False)
        new: list[ImageAsset] = []
        try:
            new.extend(
                ImageAsset(image=name) for name in sorted(names.keys() - known) if self._is_stored(name, names[name])
            )
        finally:
            # After a refusal and Ctrl-C too: these files are in the storage.
            if not self._dry_run:
                self._assets.bulk_create(new)
            self.report.registered += len(new)

    def _is_stored(self, name: str, file: FoundImage) -> bool:
        reason = self._objection(name, file)
        if reason:
            self._leave_out(str(file.relative), reason)
        else:
            self._tell(failed=False)
        return not reason

    def _objection(self, name: str, file: FoundImage) -> str:
        longest = self._field.max_length
        if longest is not None and len(name) > longest:
            return f"name of more than {longest} characters"
        if self._dry_run or isinstance(self._names, NamesInPlace):
            return ""
        try:
            source = _open_without_links(file.path)
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        with source:
            return _copy(source, self._field.storage, name)

    def _leave_out(self, name: str, reason: str) -> None:
        self.report.leave_out(name, reason)
        self._tell(failed=True)

    def _tell(self, *, failed: bool) -> None:
        if self._progress:
            self._progress.advance(failed=failed)


def _open_without_links(path: Path) -> IO[bytes]:
    # Between the walk and now, somebody may have put a link in the place of the file.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    return os.fdopen(descriptor, "rb")


def _copy(source: IO[bytes], storage: Storage, name: str) -> str:
    """Store the content under exactly this name. Returns the objection, empty when it is there."""
    try:
        if storage.exists(name):
            if not _is_start(storage, name, source):
                return "another file is stored under its name"
            if storage.size(name) == source.seek(0, os.SEEK_END):
                return ""
            # The beginning of this very file, and no row knows it: a copy that was killed half-way.
            storage.delete(name)
        source.seek(0)
        stored = storage.save(name, File(source, name), max_length=None)
    # A storage raises what its client library raises.
    except Exception as error:
        raise StorageRefusal(f"{printable(name)} cannot be stored: {error}") from error
    return "" if stored == name else f"stored as {stored} instead"


def _is_start(storage: Storage, name: str, source: IO[bytes]) -> bool:
    """Whether the stored file is the source, or breaks off before its end."""
    source.seek(0)
    with storage.open(name, "rb") as stored:
        while part := stored.read(COMPARED_BYTES):
            if source.read(len(part)) != part:
                return False
    return True
