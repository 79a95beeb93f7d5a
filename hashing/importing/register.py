"""From the files of a folder to rows: copied into the storage, or registered where they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Protocol

from django.db import router

from hashing.exclusive import exclusive_transaction
from hashing.importing.copying import store_copy
from hashing.importing.names import CopiedNames, NamesInPlace
from hashing.importing.openat import file_below
from hashing.importing.report import ImportReport
from hashing.importing.walk import FoundImage, LeftOut, walk_images
from hashing.models import ImageAsset

# Any number will do that no other program locks in the same database.
ADVISORY_LOCK = 0x1A6E5EA4C4


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
        self._alias = using or router.db_for_write(ImageAsset)
        self._root = root
        self._names = names
        self._batch_size = batch_size
        self._dry_run = dry_run
        self._assets = ImageAsset.objects.using(self._alias)
        self._field = ImageAsset.image.field
        self._should_stop = should_stop or (lambda: False)
        self._progress = progress
        self.report = ImportReport()

    def run(self) -> ImportReport:
        """Register until the walk is over or `should_stop` is true. Raises `StorageRefusal`."""
        found = self._found_images()
        while batch := list(islice(found, self._batch_size)):
            self._register({self._names.name(file): file for file in batch})
        return self.report

    def _found_images(self) -> Iterator[FoundImage]:
        for file in walk_images(self._root):
            if self._should_stop():
                return
            if isinstance(file, LeftOut):
                self._leave_out(file.relative, file.reason, unread=file.unread)
            else:
                yield file

    def _register(self, files: dict[str, FoundImage]) -> None:
        known = self._known(files)
        self.report.known += len(known)
        for _ in known:
            self._tell(failed=False)
        stored: list[str] = []
        try:
            # Step by step, so that after a refusal and Ctrl-C the list has what is in the storage.
            stored.extend(name for name in sorted(files.keys() - known) if self._is_stored(name, files[name]))
        finally:
            self.report.registered += len(stored) if self._dry_run else self._write_rows(stored)

    def _known(self, names: Iterable[str]) -> set[str]:
        return set(self._assets.filter(image__in=names).values_list("image", flat=True))

    def _write_rows(self, names: list[str]) -> int:
        """The rows written; another import of the same folder may have written some."""
        with exclusive_transaction(self._alias, ADVISORY_LOCK):
            missing = sorted(set(names) - self._known(names))
            self._assets.bulk_create(ImageAsset(image=name) for name in missing)
        return len(missing)

    def _is_stored(self, name: str, file: FoundImage) -> bool:
        if self._should_stop():
            return False
        reason = self._objection(name, file)
        if reason:
            self._leave_out(str(file.relative), reason, unread=reason.startswith("cannot be read"))
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
            with file_below(self._root, file.relative) as source:
                return store_copy(source, self._field.storage, name)
        except OSError as error:
            return f"cannot be read: {error.strerror or error}"

    def _leave_out(self, name: str, reason: str, *, unread: bool) -> None:
        self.report.leave_out(name, reason)
        self.report.unread += unread
        self._tell(failed=True)

    def _tell(self, *, failed: bool) -> None:
        if self._progress:
            self._progress.advance(failed=failed)
