"""Gives rows without a hash the hash of a record about the same file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from hashing.backfill.writer import OutcomeWriter
from hashing.db.clock import DatabaseClock
from hashing.db.paging import batches
from hashing.db.retry import retry_transient
from hashing.db.transactions import begin
from hashing.exchange.formats import FileFormat, Record
from hashing.exchange.matching import Candidate, Check, Difference, find_candidates, find_differences, rows_of_record
from hashing.exchange.parsing import HashRecord, parse_hash_record
from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.models.querysets import ImageAssetQuerySet
from hashing.text import printable
from hashing.workers.worker import Outcome

BATCH = 500
SHOWN_ERRORS = 10


@dataclass
class ImportReport:
    """Counts of records, except for `imported` and `already_hashed`, which count rows.

    `unhashed`: records without a hash. `other_version`: with a hash of another version. `unknown`: no row has the file.
    `other_file`: a row has a file of this name, and it is another one. `unchecked`: its file could not be read, or the
    record lacks what is compared. `invalid`: the record cannot be parsed; `errors` are the first of these.
    """

    read: int = 0
    imported: int = 0
    already_hashed: int = 0
    unhashed: int = 0
    other_version: int = 0
    unknown: int = 0
    other_file: int = 0
    unchecked: int = 0
    invalid: int = 0
    errors: list[str] = field(default_factory=list)

    def note_invalid(self, line: int, error: Exception) -> None:
        self.invalid += 1
        if len(self.errors) < SHOWN_ERRORS:
            self.errors.append(f"{line}: {printable(str(error))}")


class HashImport:
    """Fills `rows` from records of `export_hashes`, batch by batch. What is written stays after an interruption.

    Raises `hashing.backfill.writer.DatabaseUnavailable` and the errors of the database.
    """

    def __init__(self, rows: ImageAssetQuerySet[Any], check: Check, *, dry_run: bool = False) -> None:
        self._rows, self._check, self._dry_run = rows, check, dry_run
        self._writer = OutcomeWriter(rows.model, rows.db, DatabaseClock(rows.db).now)
        self.report = ImportReport()

    def run(self, records: Iterable[Record], file_format: FileFormat, should_stop: Callable[[], bool]) -> Iterator[int]:
        """Yield how many records were read, after each batch."""
        for batch in batches(records, BATCH):
            self.report.read += len(batch)
            self._import(list(self._parse(batch, file_format)))
            yield self.report.read
            if should_stop():
                return

    def _parse(self, batch: Iterable[Record], file_format: FileFormat) -> Iterator[HashRecord]:
        """Yield the records with a hash of this version."""
        for record in batch:
            try:
                parsed = parse_hash_record(record, file_format)
            except ValueError as error:
                self.report.note_invalid(record.line, error)
                continue
            if parsed.fingerprint is None:
                self.report.unhashed += 1
            elif parsed.version != HASH_VERSION:
                self.report.other_version += 1
            else:
                yield parsed

    def _import(self, records: Sequence[HashRecord]) -> None:
        pairs = self._find_unhashed(records)
        differences = find_differences(pairs, self._check)
        self.report.other_file += differences.count(Difference.OTHER_FILE)
        self.report.unchecked += differences.count(Difference.UNCHECKED)
        # Of several records about one row, the first counts; for the others the row has a hash.
        agreeing: dict[Any, tuple[HashRecord, Candidate]] = {}
        for pair, difference in zip(pairs, differences, strict=True):
            if difference is None:
                self.report.already_hashed += pair[1].pk in agreeing
                agreeing.setdefault(pair[1].pk, pair)
        self.report.imported += len(agreeing) if self._dry_run else self._write(list(agreeing.values()))

    def _find_unhashed(self, records: Sequence[HashRecord]) -> list[tuple[HashRecord, Candidate]]:
        """Return the records with their rows that have no hash yet."""
        candidates = find_candidates(self._rows, (record.image for record in records))
        pairs: list[tuple[HashRecord, Candidate]] = []
        for record in records:
            chosen = rows_of_record(record, candidates.get(record.image, []))
            self.report.unknown += not chosen
            pairs += [(record, candidate) for candidate in chosen if not candidate.is_hashed]
            self.report.already_hashed += sum(candidate.is_hashed for candidate in chosen)
        return pairs

    def _write(self, pairs: Sequence[tuple[HashRecord, Candidate]]) -> int:
        outcomes = [outcome_of(*pair) for pair in pairs]
        versions = {candidate.pk: candidate.version for _record, candidate in pairs}
        alias = self._rows.db

        def write() -> int:
            with begin(alias):
                locked = self._rows.unhashed().filter(pk__in=versions).order_by("pk").select_for_update(no_key=True)
                pending = set(locked.values_list("pk", flat=True))
                written = self._writer.write([each for each in outcomes if each.pk in pending], versions)
                return sum(not each.error for each in written)

        return retry_transient(write, alias) if outcomes else 0


def outcome_of(record: HashRecord, candidate: Candidate) -> Outcome:
    """Return what hashing the file of the row would have given."""
    return Outcome(
        candidate.pk,
        candidate.image,
        record.fingerprint,
        record.file_size,
        file_digest=record.file_digest,
        details=record.details,
    )
