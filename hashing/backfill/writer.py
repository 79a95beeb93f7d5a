from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connections, transaction
from django.utils import timezone

from hashing.db.paging import batches, rows_with_keys
from hashing.db.retry import is_outage, is_transient, retry_transient
from hashing.db.transactions import begin
from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.log_events import LogEvent, error_kind, log_event
from hashing.models.hash_fields import EMPTY_HASH_FIELDS, HASH_FIELDS
from hashing.models.image_asset import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet
from hashing.previews.deletion import delete_stale_previews
from hashing.signals import files_replaced, image_hashed, send_after_commit
from hashing.text import first_line, printable
from hashing.workers.worker import Outcome

logger = logging.getLogger(__name__)

# Consecutive rows that are still locked after all retries. One is locked by another transaction, several are an outage.
MAX_LOCKED_ROWS = 2
ERROR_FIELDS = ("hash_error", "hashed_at")
# A row is written only while these fields are what they were when its file was read.
GUARDS = ("image", "file_version")

Versions = Mapping[Any, int]


def site_time(moment: datetime | None) -> datetime | None:
    """Return the moment as the database takes it. The clock of a camera without a time zone shows the site's time."""
    if moment is None or timezone.is_aware(moment) == settings.USE_TZ:
        return moment
    convert = timezone.make_aware if settings.USE_TZ else timezone.make_naive
    return convert(moment, timezone.get_default_timezone())


def hash_fields_of(outcome: Outcome) -> dict[str, Any]:
    """Return the values of HASH_FIELDS. `hashed_at` is empty."""
    values = EMPTY_HASH_FIELDS | {
        "hash_error": printable(outcome.error),
        "file_size": outcome.file_size,
        "file_digest": outcome.file_digest,
    }
    if found := outcome.fingerprint:
        values |= {
            "perceptual_hash": found.perceptual_hash,
            "vertical_hash": found.vertical_hash,
            "detail_hash": found.detail_hash,
            "hash_quality": found.quality,
            "hash_version": HASH_VERSION,
            "width": found.width,
            "height": found.height,
        }
        if inside := found.inside:
            values |= {
                "inside_perceptual_hash": inside.perceptual_hash,
                "inside_vertical_hash": inside.vertical_hash,
                "inside_detail_hash": inside.detail_hash,
                "inside_quality": inside.quality,
                **{f"inside_{edge}": position for edge, position in inside.box._asdict().items()},
            }
        if outcome.details:
            values |= outcome.details._asdict() | {"taken_at": site_time(outcome.details.taken_at)}
    elif outcome.declared_size:
        values["width"], values["height"] = outcome.declared_size
    return values


def log_refusal(message: str, pk: Any, error: Exception) -> None:
    event, kind = LogEvent.ROW_REFUSED, error_kind(error)
    log_event(logger, event, message, pk, first_line(error), asset=pk, error_kind=kind)


class DatabaseUnavailable(Exception):
    """The database takes no writes: it does not answer, is read-only or full, or the role lacks the privilege."""


class OutcomeWriter:
    """Writes outcomes to the rows of `model` in the database `alias`. `clock` returns the value of `hashed_at`."""

    def __init__(self, model: type[ImageAsset], alias: str, clock: Callable[[], datetime] = timezone.now) -> None:
        self._model, self._alias, self._clock = model, alias, clock
        # Not the default manager of the model, which may hide rows.
        self._rows = ImageAssetQuerySet[Any](model, using=alias)
        self._locked_rows = 0

    def write(self, outcomes: Sequence[Outcome], versions: Versions) -> Iterator[Outcome]:
        """Yield the outcomes that were written, and those that could not be, as failures.

        `versions` has the `file_version` of each key from before the file was read. Rows that have another file by now
        or are deleted are skipped. Raise `DatabaseUnavailable`.
        """
        hashed: list[Any] = []
        try:
            for outcome in self._write(outcomes, versions):
                if outcome.fingerprint:
                    hashed.append(outcome.pk)
                yield outcome
        finally:
            self._announce(hashed)

    def _write(self, outcomes: Sequence[Outcome], versions: Versions) -> Iterator[Outcome]:
        try:
            written = self._update(outcomes, versions)
        except (DatabaseError, InterfaceError) as error:
            self._raise_for_outage(error)
            count, kind, event = len(outcomes), error_kind(error), LogEvent.BATCH_REFUSED
            message = "A batch of %d rows was refused, writing row by row: %s"
            log_event(logger, event, message, count, first_line(error), rows=count, error_kind=kind)
            for outcome in outcomes:
                yield from self._write_one(outcome, versions)
            return
        self._locked_rows = 0
        yield from outcomes if written == len(outcomes) else self._unchanged(outcomes, versions)

    def _write_one(self, outcome: Outcome, versions: Versions) -> Iterator[Outcome]:
        try:
            written = self._update([outcome], versions)
        except (DatabaseError, InterfaceError) as error:
            self._raise_for_outage(error)
            yield from self._write_refusal(outcome, versions, error)
        else:
            self._locked_rows = 0
            yield from [outcome] * written

    def _write_refusal(self, outcome: Outcome, versions: Versions, error: Exception) -> Iterator[Outcome]:
        """Record why the row was refused, unless it is locked: then nothing is wrong with it."""
        log_refusal("Row %s cannot be written: %s", outcome.pk, error)
        refused = outcome._replace(fingerprint=None, error=f"{type(error).__name__}: {first_line(error)}")
        if is_transient(error):
            self._locked_rows += 1
            if self._locked_rows > MAX_LOCKED_ROWS:
                raise DatabaseUnavailable(f"The database cannot be written: {first_line(error)}") from error
            yield refused
            return
        self._locked_rows = 0
        try:
            yield from [refused] * self._update([refused], versions, ERROR_FIELDS)
        except (DatabaseError, InterfaceError) as second_error:
            self._raise_for_outage(second_error)
            log_refusal("The reason cannot be written to row %s either: %s", outcome.pk, second_error)
            yield refused

    def _update(self, outcomes: Sequence[Outcome], versions: Versions, fields: Sequence[str] = HASH_FIELDS) -> int:
        """Write in one short transaction, and return the number of rows."""
        now = self._clock()
        assets = [self._asset(outcome, versions[outcome.pk], now) for outcome in outcomes]

        def update() -> int:
            # Inside a caller's transaction this is a savepoint, so that a refusal does not break that transaction.
            with begin(self._alias):
                replaced = self._replaced_in_place(outcomes, versions)
                written = self._rows.bulk_update(assets, fields, guards=GUARDS)
                if replaced:
                    files_replaced.send(self._model, keys=replaced, using=self._alias)
                return written

        written = retry_transient(update, self._alias)
        if fields is HASH_FIELDS:
            transaction.on_commit(lambda: delete_stale_previews(assets), using=self._alias)
        return written

    def _asset(self, outcome: Outcome, version: int, now: datetime) -> ImageAsset:
        values = hash_fields_of(outcome) | {"hashed_at": now}
        return self._model(pk=outcome.pk, image=outcome.name, file_version=version, **values)

    def _replaced_in_place(self, outcomes: Sequence[Outcome], versions: Versions) -> list[Any]:
        """Return the keys of rows whose file has other bytes than before, under the same name and version."""
        found = {each.pk: (each.name, versions[each.pk], each.file_digest) for each in outcomes if each.file_digest}
        known = self._rows.filter(pk__in=found, file_digest__isnull=False).order_by("pk")
        stored = known.values_list("pk", *GUARDS, "file_digest")
        return [pk for pk, *guards, digest in stored if found[pk][:2] == tuple(guards) and found[pk][2] != digest]

    def _unchanged(self, outcomes: Sequence[Outcome], versions: Versions) -> list[Outcome]:
        stored = set(rows_with_keys(self._rows, [each.pk for each in outcomes], GUARDS))
        return [each for each in outcomes if (each.pk, each.name, versions[each.pk]) in stored]

    def _announce(self, keys: Sequence[Any]) -> None:
        def read_assets() -> Iterator[Mapping[str, Any]]:
            for batch in batches(keys):
                hashed = self._rows.filter(pk__in=batch, perceptual_hash__isnull=False)
                yield from ({"asset": asset} for asset in hashed.order_by("pk"))

        if keys:
            send_after_commit(image_hashed, self._model, self._alias, read_assets)

    def _raise_for_outage(self, error: Exception) -> None:
        if is_outage(error) or not (isinstance(error, DataError | IntegrityError) or self._is_writable()):
            raise DatabaseUnavailable(f"The database cannot be written: {first_line(error)}") from error

    def _is_writable(self) -> bool:
        """Whether the database accepts an update of the hash fields that matches no row."""
        quote = connections[self._alias].ops.quote_name
        columns = [quote(str(self._model._meta.get_field(name).column)) for name in HASH_FIELDS]  # type: ignore[union-attr]
        assignments = ", ".join(f"{column} = {column}" for column in columns)
        try:
            with transaction.atomic(using=self._alias), connections[self._alias].cursor() as cursor:
                cursor.execute(f"UPDATE {quote(self._model._meta.db_table)} SET {assignments} WHERE 1 = 0")
        except (DatabaseError, InterfaceError):
            return False
        return True
