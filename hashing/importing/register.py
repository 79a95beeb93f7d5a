from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol

from django.db import router

from hashing.conf import hashing_settings
from hashing.db.locks import exclusive_transaction
from hashing.db.retry import retry_transient
from hashing.importing.copying import FileRefusal, StorageRefusal, store_copy
from hashing.importing.exclusions import Exclusions
from hashing.importing.names import CopiedNames, NamesInPlace
from hashing.importing.walk import FoundImage, LeftOut, file_below, walk_images
from hashing.models import ImageAsset
from hashing.text import printable

SHOWN_EXAMPLES = 3


@dataclass
class ImportReport:
    """Counts of files; `left_out` by reason, and `failed` those among them that could not be read or stored."""

    registered: int = 0
    known: int = 0
    failed: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    examples: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def leave_out(self, name: str, reason: str) -> None:
        self.left_out[reason] += 1
        if len(self.examples[reason]) < SHOWN_EXAMPLES:
            self.examples[reason].append(printable(name))

    def as_text(self) -> str:
        """A block for a terminal, without a line break at its end."""
        lines = [
            f"Registered: {self.registered}",
            f"Registered before: {self.known}",
            f"Left out: {self.left_out.total()}",
        ]
        return "\n".join(lines + [self._line(reason, count) for reason, count in self.left_out.most_common()])

    def _line(self, reason: str, count: int) -> str:
        more = ", ..." if count > SHOWN_EXAMPLES else ""
        return f"  - {reason}: {count} ({', '.join(self.examples[reason])}{more})"


# Any number will do that no other program locks in the same database.
ADVISORY_LOCK = 0x1A6E5EA4C4
# Refusals in a row, each for a reason that may be the storage's or the file's, after which the storage is at fault.
MAX_UNCERTAIN_REFUSALS = 20


class ProgressListener(Protocol):
    """A listener that is called for every file; `failed` says that it was left out."""

    def advance(self, *, failed: bool) -> None: ...


class ImageImport:
    """Registers the image files below `root`, an absolute path without links.

    `names` says what each is called in the storage. Files are copied there unless those are `NamesInPlace`. A row is
    written after its file, so that an import that was killed is made good by running it again. A file that cannot be
    read, or that the storage does not take, is left out, and the import goes on.
    """

    def __init__(
        self,
        root: Path,
        names: CopiedNames | NamesInPlace,
        *,
        exclusions: Exclusions | None = None,
        batch_size: int = 500,
        dry_run: bool = False,
        using: str | None = None,
        should_stop: Callable[[], bool] | None = None,
        progress: ProgressListener | None = None,
    ) -> None:
        self._alias = using or router.db_for_write(ImageAsset)
        self._root = root
        self._names = names
        self._exclusions = exclusions or Exclusions()
        self._batch_size = batch_size
        self._dry_run = dry_run
        self._assets = ImageAsset.objects.using(self._alias)
        self._field = ImageAsset.image.field
        self._should_stop = should_stop or (lambda: False)
        self._progress = progress
        self._max_bytes = hashing_settings().MAX_BYTES
        self._uncertain_refusals, self._last_refusal = 0, ""
        self.report = ImportReport()

    def run(self) -> ImportReport:
        """Register until the walk is over or `should_stop` is true. Raises `StorageRefusal`."""
        found = self._found_images()
        while batch := list(islice(found, self._batch_size)):
            self._register({self._names.name(file): file for file in batch})
        if self._uncertain_refusals and not self.report.registered:
            raise StorageRefusal(f"The storage took no file: {self._last_refusal}")
        return self.report

    def _found_images(self) -> Iterator[FoundImage]:
        for file in walk_images(self._root, self._exclusions):
            if self._should_stop():
                return
            if isinstance(file, LeftOut):
                self._leave_out(file.relative, file.reason, failed=file.unread)
            else:
                yield file

    def _register(self, files: dict[str, FoundImage]) -> None:
        known = self._known(files)
        self.report.known += len(known)
        for _ in known:
            self._tell(failed=False)
        stored: list[str] = []
        try:
            for name in sorted(files.keys() - known):
                if self._should_stop():
                    break
                if self._is_stored(name, files[name]):
                    stored.append(name)
        finally:
            # After a refusal and Ctrl-C too: what is in the storage gets its rows.
            self.report.registered += len(stored) if self._dry_run else self._write_rows(stored)

    def _known(self, names: Iterable[str]) -> set[str]:
        found = self._assets.filter(image__in=names).values_list("image", flat=True)
        return set(retry_transient(partial(list, found), self._alias))

    def _write_rows(self, names: list[str]) -> int:
        return retry_transient(partial(self._write_missing_rows, names), self._alias)

    def _write_missing_rows(self, names: list[str]) -> int:
        """Return the number of rows written; another import of the same folder may have written some."""
        with exclusive_transaction(self._alias, ADVISORY_LOCK):
            missing = sorted(set(names) - self._known(names))
            self._assets.bulk_create(ImageAsset(image=name) for name in missing)
        return len(missing)

    def _is_stored(self, name: str, file: FoundImage) -> bool:
        reason = self._row_objection(name, file) or self._copy_objection(name, file)
        if reason:
            self._leave_out(str(file.relative), reason, failed=reason.startswith("cannot be"))
        else:
            self._tell(failed=False)
        return not reason

    def _row_objection(self, name: str, file: FoundImage) -> str:
        """Return why there can be no row of the file, or an empty text."""
        max_length = self._field.max_length
        if max_length is not None and len(name) > max_length:
            return f"name of more than {max_length} characters"
        if file.size > self._max_bytes:
            return f"larger than {self._max_bytes} bytes"
        return ""

    def _copy_objection(self, name: str, file: FoundImage) -> str:
        """Copy the file, if that is to be done. Return why it could not be, or an empty text."""
        if self._dry_run or isinstance(self._names, NamesInPlace):
            return ""
        try:
            with file_below(self._root, file.relative) as source:
                reason = store_copy(source, self._field.storage, name)
        except OSError as error:
            return f"cannot be read: {error.strerror or error}"
        except FileRefusal as refusal:
            self._note_refusal(refusal)
            return str(refusal)
        self._uncertain_refusals = 0
        return reason

    def _note_refusal(self, refusal: FileRefusal) -> None:
        self._uncertain_refusals += not refusal.is_certain
        self._last_refusal = str(refusal)
        if self._uncertain_refusals >= MAX_UNCERTAIN_REFUSALS:
            raise StorageRefusal(f"The storage took none of {MAX_UNCERTAIN_REFUSALS} files: {refusal}") from refusal

    def _leave_out(self, name: str, reason: str, *, failed: bool) -> None:
        self.report.leave_out(name, reason)
        self.report.failed += failed
        self._tell(failed=True)

    def _tell(self, *, failed: bool) -> None:
        if self._progress:
            self._progress.advance(failed=failed)
