from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol

from django.db import router
from django.utils.translation import gettext as _

from hashing.conf import hashing_settings
from hashing.db.retry import retry_transient
from hashing.db.transactions import exclusive_transaction
from hashing.fingerprint.limits import FileTooLarge, check_file_size
from hashing.importing.copying import FileRefusal, RefusalCounter, UnreadableSource, store_copy
from hashing.importing.exclusions import Exclusions
from hashing.importing.names import CopyNames, InPlaceNames
from hashing.importing.walk import FoundImage, LeftOut, file_below, walk_images
from hashing.models import ImageAsset
from hashing.text import printable

MAX_EXAMPLES = 3
# An arbitrary number that no other program locks in the same database.
IMPORT_LOCK = 0x1A6E5EA4C4


@dataclass
class ImportReport:
    """Counts of files; `left_out` by reason. `failed` are those left out because of an error."""

    registered: int = 0
    known: int = 0
    failed: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    examples: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def leave_out(self, file: LeftOut) -> None:
        self.failed += file.is_error
        self.left_out[file.reason] += 1
        if len(self.examples[file.reason]) < MAX_EXAMPLES:
            self.examples[file.reason].append(printable(file.relative))

    def as_text(self) -> str:
        """Return a block for a terminal, without a line break at its end."""
        lines = [
            _("Registered: %(count)d") % {"count": self.registered},
            _("Registered before: %(count)d") % {"count": self.known},
            _("Left out: %(count)d") % {"count": self.left_out.total()},
        ]
        for reason, count in self.left_out.most_common():
            more = ", ..." if count > MAX_EXAMPLES else ""
            lines.append(f"  - {reason}: {count} ({', '.join(self.examples[reason])}{more})")
        return "\n".join(lines)


class ImportListener(Protocol):
    """Notified of every file. `failed` means that it was left out, with or without an error."""

    def advance(self, *, failed: bool) -> None: ...


class ImageImport:
    """Registers the image files below `root`, an absolute path without links.

    `names` gives each file its name in the storage, and says whether it is copied there. A row is written after its
    file, so that an import that was killed can be run again. A file that cannot be read or stored is left out.
    """

    def __init__(
        self,
        root: Path,
        names: CopyNames | InPlaceNames,
        *,
        exclusions: Exclusions | None = None,
        batch_size: int = 500,
        dry_run: bool = False,
        using: str | None = None,
        should_stop: Callable[[], bool] | None = None,
        progress: ImportListener | None = None,
    ) -> None:
        self._using = using or router.db_for_write(ImageAsset)
        self._root = root
        self._names = names
        self._exclusions = exclusions or Exclusions()
        self._batch_size = batch_size
        self._dry_run = dry_run
        self._assets = ImageAsset.objects.using(self._using)
        self._field = ImageAsset.image.field
        self._should_stop = should_stop or (lambda: False)
        self._progress = progress
        self._max_bytes = hashing_settings().MAX_BYTES
        self._refusals = RefusalCounter()
        self.report = ImportReport()

    def run(self) -> ImportReport:
        """Register files until the walk is over or `should_stop` is true. Raise `StorageRefusal`."""
        found = self._find_images()
        while batch := list(islice(found, self._batch_size)):
            self._register({self._names.name(file): file for file in batch})
        if not self.report.registered:
            self._refusals.check_end()
        return self.report

    def _find_images(self) -> Iterator[FoundImage]:
        for file in walk_images(self._root, self._exclusions):
            if self._should_stop():
                return
            if isinstance(file, LeftOut):
                self._leave_out(file)
            else:
                yield file

    def _register(self, files: dict[str, FoundImage]) -> None:
        known = self._known(files)
        self.report.known += len(known)
        for _name in known:
            self._advance(failed=False)
        stored: list[str] = []
        try:
            for name in sorted(files.keys() - known):
                if self._should_stop():
                    break
                if refused := self._refuse_row(name, files[name]) or self._copy(name, files[name]):
                    self._leave_out(refused)
                else:
                    stored.append(name)
                    self._advance(failed=False)
        finally:
            # Also after a refusal and Ctrl-C, so that every file in the storage has a row.
            write = partial(self._write_missing_rows, stored)
            self.report.registered += len(stored) if self._dry_run else retry_transient(write, self._using)

    def _known(self, names: Iterable[str]) -> set[str]:
        found = self._assets.filter(image__in=names).values_list("image", flat=True)
        return set(retry_transient(partial(list, found), self._using))

    def _refuse_row(self, name: str, file: FoundImage) -> LeftOut | None:
        """Return why the file cannot have a row, if it cannot."""
        max_length = self._field.max_length
        if max_length is not None and len(name) > max_length:
            return LeftOut(str(file.relative), f"name of more than {max_length} characters")
        try:
            check_file_size(file.size, self._max_bytes)
        except FileTooLarge:
            # Without the size, so that the report counts all of them together.
            return LeftOut(str(file.relative), f"larger than MAX_BYTES ({self._max_bytes} bytes)")
        return None

    def _copy(self, name: str, file: FoundImage) -> LeftOut | None:
        """Copy the file if necessary. Return why that was not possible, if it was not."""
        if self._dry_run or not self._names.copies_files:
            return None
        try:
            with file_below(self._root, file.relative) as source:
                reason = store_copy(source, self._field.storage, name)
        except OSError as error:
            return LeftOut(str(file.relative), f"cannot be read: {error.strerror or error}", is_error=True)
        except UnreadableSource as error:
            return LeftOut(str(file.relative), str(error), is_error=True)
        except FileRefusal as refusal:
            self._refusals.add(refusal)
            return LeftOut(str(file.relative), str(refusal), is_error=True)
        self._refusals.reset()
        return LeftOut(str(file.relative), reason) if reason else None

    def _write_missing_rows(self, names: Collection[str]) -> int:
        """Return the number of rows written; another import of the same folder may have written some."""
        with exclusive_transaction(self._using, IMPORT_LOCK):
            missing = sorted(set(names) - self._known(names))
            self._assets.bulk_create(ImageAsset(image=name) for name in missing)
        return len(missing)

    def _leave_out(self, file: LeftOut) -> None:
        self.report.leave_out(file)
        self._advance(failed=True)

    def _advance(self, *, failed: bool) -> None:
        if self._progress:
            self._progress.advance(failed=failed)
