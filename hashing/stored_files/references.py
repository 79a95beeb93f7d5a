from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.core.files.storage import Storage
from django.db import DatabaseError, InterfaceError
from django.db.models import Model
from django.utils.translation import gettext as _

from hashing.db.base_names import base_name_key, base_name_keys
from hashing.log_events import LogEvent, error_kind, log_event
from hashing.sources.storages import UnknownStorage
from hashing.stored_files.file_columns import FileColumn, TooManyRows, databases, file_columns
from hashing.stored_files.identity import Identity, NamedFile, compare
from hashing.text import first_line, printable

logger = logging.getLogger(__name__)

# Objects of remote storages with which one file is compared.
MAX_REMOTE_COMPARISONS = 100


def find_reasons_to_keep(
    storage: Storage, names: Collection[str], excluded: Mapping[type[Model], Collection[Any]] | None = None
) -> dict[str, str]:
    """Return the names of the files that rows refer to or may refer to, each with the reason to keep it.

    `excluded` has the keys of rows that are about to be deleted, by model.
    """
    search = ReferenceSearch(storage, names)
    for using in databases():
        try:
            for column in file_columns(using, excluded):
                search.check(column)
        except (DatabaseError, InterfaceError) as error:
            reason, kind, event = first_line(error), error_kind(error), LogEvent.FILES_KEPT
            message = "Files are kept, because database %s cannot be read: %s"
            log_event(logger, event, message, using, reason, database=using, error_kind=kind)
            search.keep_all(_("The database “%(alias)s” cannot be read.") % {"alias": using})
    return search.reasons


class FileLookup:
    """Files that are looked up by another name: by their inode, and by what both names have in common."""

    def __init__(self) -> None:
        self.by_key: defaultdict[str, list[NamedFile]] = defaultdict(list)
        self.by_inode: defaultdict[tuple[int, int], list[NamedFile]] = defaultdict(list)
        self._by_path: defaultdict[tuple[str, ...], list[NamedFile]] = defaultdict(list)
        # By each end of the path: in a storage with another prefix, the name of the same object is longer or shorter.
        self._by_end: defaultdict[tuple[str, ...], list[NamedFile]] = defaultdict(list)

    def add(self, file: NamedFile) -> None:
        """Add a file. Raise `OSError` if the status of a local file cannot be read; its name is added anyway."""
        for key in base_name_keys(file.name):
            self.by_key[key].append(file)
        self._by_path[file.parts].append(file)
        for start in range(len(file.parts)):
            self._by_end[file.parts[start:]].append(file)
        if file.inode and not file.is_folder:
            self.by_inode[file.inode].append(file)

    def candidates(self, other: NamedFile) -> list[NamedFile]:
        """Return the files that may be the same as another one."""
        try:
            same = self.by_inode.get(other.inode, []) if other.inode else []
        except OSError:
            return self.by_key.get(base_name_key(other.name), [])
        ends = (self._by_path.get(other.parts[start:], ()) for start in range(1, len(other.parts)))
        return [*same, *self._by_end.get(other.parts, ()), *(file for files in ends for file in files)]


class ReferenceSearch:
    """Searches columns for references to files. `reasons` are those to keep a file, by its name."""

    def __init__(self, storage: Storage, names: Collection[str]) -> None:
        self.reasons: dict[str, str] = {}
        self._storage = storage
        self._files = [NamedFile(storage, name) for name in names if name]
        self._lookup = FileLookup()
        self._comparisons: Counter[str] = Counter()
        for file in self._files:
            try:
                self._lookup.add(file)
                if file.is_folder:
                    self._keep([file], _("It is a folder."))
            except OSError as error:
                self._keep([file], _("It cannot be read: %(error)s") % {"error": first_line(error)})

    def check(self, column: FileColumn) -> None:
        names, crowded = column.names(self._lookup.by_key)
        if crowded:
            names |= self._other_names(column, crowded)
        self._compare_all(names, column)
        if column.has_sizes and self._lookup.by_inode:
            sizes = {files[0].status.st_size for files in self._lookup.by_inode.values() if files[0].status}
            try:
                self._compare_all(column.names_by_size(sizes), column)
            except TooManyRows:
                self.keep_all(_("Too many images have files of this size."))

    def keep_all(self, reason: str) -> None:
        self._keep(self._files, reason)

    def _keep(self, files: Iterable[NamedFile], reason: str) -> None:
        for file in files:
            self.reasons.setdefault(file.name, reason)

    def _compare_all(self, names: Collection[str], column: FileColumn) -> None:
        try:
            for other in column.files(names):
                self._compare(other, str(column.model._meta.verbose_name))
        except UnknownStorage:
            # Each of these rows may refer to any file with its base name.
            keys = {base_name_key(name) for name in names}
            reason = _("It may be used by: %(model)s.") % {"model": column.model._meta.verbose_name}
            self._keep((file for key in keys for file in self._lookup.by_key.get(key, ())), reason)

    def _compare(self, other: NamedFile, model: str) -> None:
        for file in self._lookup.candidates(other):
            if file.name in self.reasons:
                continue
            if not (file.is_local and other.is_local):
                self._comparisons[file.name] += 1
            is_limit_reached = self._comparisons[file.name] > MAX_REMOTE_COMPARISONS
            identity = Identity.UNKNOWN if is_limit_reached else compare(file, other)
            if identity is Identity.SAME:
                self._keep([file], _("Used by: %(model)s.") % {"model": model})
            elif identity is Identity.UNKNOWN:
                reason = _("It may be the file “%(name)s”, which is used by: %(model)s.")
                self._keep([file], reason % {"name": printable(other.name), "model": model})

    def _other_names(self, column: FileColumn, crowded: Collection[str]) -> set[str]:
        """Return other names of the files whose base names too many rows have, and keep the files that may have more.

        In another storage, or through links, a file may have names that differ in more than case and slashes.
        """
        files = [file for key in crowded for file in self._lookup.by_key[key]]
        names = column.other_spellings(crowded, {file.name for file in files})
        is_own_storage = column.storage is self._storage
        if not (is_own_storage and (column.has_sizes or not self._lookup.by_inode)):
            exact = {file.name for file in files} & names if is_own_storage else set()
            reason = _("Too many rows have files of this name: %(model)s.") % {"model": column.model._meta.verbose_name}
            self._keep((file for file in files if file.name not in exact), reason)
        return names
