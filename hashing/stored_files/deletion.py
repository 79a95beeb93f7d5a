"""Delete stored files, but none that a row may still mean."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.files.storage import Storage
from django.db import DatabaseError, InterfaceError
from django.db.models import Model
from django.utils.translation import gettext as _

from hashing.sources.storages import UnknownStorage
from hashing.stored_files.base_names import base_name_key, base_name_keys
from hashing.stored_files.identity import Identity, NamedFile, compare
from hashing.stored_files.references import FileColumn, TooManyRows, databases, file_columns
from hashing.text import first_line, printable

logger = logging.getLogger(__name__)

# Objects of a remote storage that are asked about for one file.
MAX_QUESTIONS = 100


@dataclass(frozen=True, slots=True)
class FileDeletion:
    """What became of the files, by name; `kept` and `failed` say why."""

    deleted: frozenset[str] = frozenset()
    kept: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)


def delete_unused(storage: Storage, names: Collection[str]) -> FileDeletion:
    """Delete the files with these names, except those that a row of any model in any database means or may mean.

    Call it after the commit of what made them unused: no rollback brings a file back.
    """
    kept = find_reasons_to_keep(storage, names)
    deleted, failed = set(), {}
    for name in sorted({*names} - {""} - kept.keys()):
        try:
            storage.delete(name)
            deleted.add(name)
        # Whatever a storage raises: the rows are gone, and the other files must go as well.
        except Exception as error:
            logger.error("%s cannot be deleted: %s", printable(name), first_line(error))
            failed[name] = first_line(error)
    return FileDeletion(frozenset(deleted), kept, failed)


def find_reasons_to_keep(
    storage: Storage, names: Collection[str], without: Mapping[type[Model], Collection[Any]] | None = None
) -> dict[str, str]:
    """Return the names of the files that rows mean or may mean, each with the reason to keep it.

    `without` are keys, by model, of rows that do not count, because they are about to be deleted.
    """
    search = _Search(storage, names)
    for using in databases():
        try:
            for column in file_columns(using, without):
                search.look_at(column)
        except (DatabaseError, InterfaceError) as error:
            logger.error("Files are kept, because database %s cannot be read: %s", using, first_line(error))
            search.keep_all(_("The database “%(alias)s” cannot be asked about it.") % {"alias": using})
    return search.reasons


class _Search:
    """The files that may be deleted, and for some of them a reason not to."""

    def __init__(self, storage: Storage, names: Collection[str]) -> None:
        self.reasons: dict[str, str] = {}
        self._storage = storage
        self._files = [NamedFile(storage, name) for name in names if name]
        self._by_key: defaultdict[str, list[NamedFile]] = defaultdict(list)
        self._by_inode: defaultdict[tuple[int, int], list[NamedFile]] = defaultdict(list)
        # By every end of its path: in a storage with another prefix, the name of the same object is longer or shorter.
        self._by_path: defaultdict[tuple[str, ...], list[NamedFile]] = defaultdict(list)
        self._by_end: defaultdict[tuple[str, ...], list[NamedFile]] = defaultdict(list)
        self._questions: Counter[str] = Counter()
        for file in self._files:
            self._add(file)

    def look_at(self, column: FileColumn) -> None:
        names, crowded = column.names(self._by_key)
        if crowded:
            names |= self._look_closer(column, crowded)
        self._compare_all(names, column)
        if column.has_sizes and self._by_inode:
            self._look_at_sizes(column)

    def _compare_all(self, names: Collection[str], column: FileColumn) -> None:
        try:
            for other in column.files(names):
                self._compare(other, column)
        except UnknownStorage:
            # Nobody knows where the files of these rows are, so each may be any of the same base name.
            keys = {base_name_key(name) for name in names}
            reason = _("It may be used by: %(model)s.") % {"model": column.model._meta.verbose_name}
            self._keep((file for key in keys for file in self._by_key.get(key, ())), reason)

    def keep_all(self, reason: str) -> None:
        self._keep(self._files, reason)

    def _keep(self, files: Iterable[NamedFile], reason: str) -> None:
        for file in files:
            self.reasons.setdefault(file.name, reason)

    def _add(self, file: NamedFile) -> None:
        for key in base_name_keys(file.name):
            self._by_key[key].append(file)
        self._by_path[file.parts].append(file)
        for start in range(len(file.parts)):
            self._by_end[file.parts[start:]].append(file)
        try:
            if file.is_folder:
                self._keep([file], _("It is a folder."))
            elif file.inode:
                self._by_inode[file.inode].append(file)
        except OSError as error:
            self._keep([file], _("It cannot be read: %(error)s") % {"error": first_line(error)})

    def _compare(self, other: NamedFile, column: FileColumn) -> None:
        for file in self._similar(other):
            if file.name in self.reasons:
                continue
            identity = self._identity(file, other)
            if identity is Identity.SAME:
                self._keep([file], _("Used by: %(model)s.") % {"model": column.model._meta.verbose_name})
            elif identity is Identity.UNKNOWN:
                reason = _("It may be the file “%(name)s”, which is used by: %(model)s.")
                values = {"name": printable(other.name), "model": column.model._meta.verbose_name}
                self._keep([file], reason % values)

    def _identity(self, file: NamedFile, other: NamedFile) -> Identity:
        if not (file.is_local and other.is_local):
            self._questions[file.name] += 1
        return compare(file, other) if self._questions[file.name] <= MAX_QUESTIONS else Identity.UNKNOWN

    def _similar(self, other: NamedFile) -> list[NamedFile]:
        """The files that the other may be, of all that have its base name."""
        try:
            same = self._by_inode.get(other.inode, []) if other.inode else []
        except OSError:
            return self._by_key.get(base_name_key(other.name), [])
        ends = (self._by_path.get(other.parts[start:], ()) for start in range(1, len(other.parts)))
        return [*same, *self._by_end.get(other.parts, ()), *(file for files in ends for file in files)]

    def _look_closer(self, column: FileColumn, crowded: Collection[str]) -> set[str]:
        """Return other names of the files whose base names too many rows have, or keep the files."""
        files = [file for key in crowded for file in self._by_key[key]]
        is_complete = column.storage is self._storage and (column.has_sizes or not self._by_inode)
        names = column.other_spellings(crowded, {file.name for file in files})
        if not is_complete:
            exact = {file.name for file in files} & names if column.storage is self._storage else set()
            reason = _("Too many rows have files of this name: %(model)s.") % {"model": column.model._meta.verbose_name}
            self._keep((file for file in files if file.name not in exact), reason)
        return names

    def _look_at_sizes(self, column: FileColumn) -> None:
        of_size = defaultdict(list)
        for files in self._by_inode.values():
            of_size[files[0].status.st_size if files[0].status else 0].extend(files)
        try:
            self._compare_all(column.names_by_size(of_size), column)
        except TooManyRows:
            self.keep_all(_("Too many images have files of this size."))
