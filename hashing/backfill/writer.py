"""From outcomes to rows: one short transaction a batch, and never over a newer file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connections, transaction
from django.db.models.base import ModelState
from django.utils import timezone

from hashing.db.paging import batches, rows_with_keys
from hashing.db.retry import is_outage, is_transient, retry_transient
from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.models.image_asset import ImageAsset
from hashing.models.querysets import EMPTY_HASH_FIELDS, HASH_FIELDS, ImageAssetQuerySet
from hashing.previews import delete_stale_previews
from hashing.signals import files_replaced, image_hashed, send_after_commit
from hashing.text import first_line, printable
from hashing.workers.worker import Outcome

logger = logging.getLogger(__name__)

# Rows in a row that were still locked after all retries: one is somebody's transaction, more are the database.
LOCKED_ROWS_BEFORE_OUTAGE = 3
REASON_FIELDS = ("hash_error", "hashed_at")


class DatabaseUnavailable(Exception):
    """The database takes no writes: it does not answer, is read-only or full, or the role may not write."""


class OutcomeWriter:
    """Writes outcomes to the rows of a model in the database `alias`. `now` is what `hashed_at` is to say."""

    def __init__(self, model: type[ImageAsset], alias: str, now: Callable[[], datetime] = timezone.now) -> None:
        self._now = now
        self._model = model
        self._alias = alias
        # Not the model's own manager, which may hide rows, or be no manager of ours.
        self._rows = ImageAssetQuerySet[Any](model, using=alias)
        self._guards = ("image", "file_version")
        self._locked_in_a_row = 0

    def write(self, outcomes: Sequence[Outcome], versions: Mapping[Any, int]) -> Iterator[Outcome]:
        """Yield the outcomes that are on their rows now, or that could not be written, as failures.

        `versions` has the `file_version` of each key, as it was before the file was read. Left out are outcomes whose
        row has got another file since, or is gone. Raises `DatabaseUnavailable`.
        """
        hashed: list[Any] = []
        try:
            for outcome in self._write(outcomes, versions):
                if outcome.fingerprint:
                    hashed.append(outcome.pk)
                yield outcome
        finally:
            self._announce(hashed)

    def _write(self, outcomes: Sequence[Outcome], versions: Mapping[Any, int]) -> Iterator[Outcome]:
        try:
            written = self._update(outcomes, versions)
        except (DatabaseError, InterfaceError) as error:
            self._raise_for_outage(error)
            logger.warning("A batch of %d rows was refused, writing row by row: %s", len(outcomes), first_line(error))
            yield from self._write_one_by_one(outcomes, versions)
            return
        self._locked_in_a_row = 0
        yield from outcomes if written == len(outcomes) else self._unchanged(outcomes, versions)

    def _announce(self, keys: Sequence[Any]) -> None:
        def read_assets() -> Iterator[Mapping[str, Any]]:
            for batch in batches(keys):
                hashed = self._rows.filter(pk__in=batch, perceptual_hash__isnull=False)
                yield from ({"asset": asset} for asset in hashed.order_by("pk"))

        if keys:
            send_after_commit(image_hashed, self._model, self._alias, read_assets)

    def _update(
        self, outcomes: Sequence[Outcome], versions: Mapping[Any, int], fields: Sequence[str] = HASH_FIELDS
    ) -> int:
        now = self._now()
        assets = [self._asset(outcome, versions[outcome.pk], now) for outcome in outcomes]
        rows = self._rows.guarded_by(*self._guards)

        def update() -> int:
            # Inside a caller's transaction it is a savepoint: what is refused leaves that transaction sound.
            with transaction.atomic(using=self._alias):
                replaced = self._replaced_in_place(outcomes, versions)
                written = rows.bulk_update(assets, fields)
                if replaced:
                    files_replaced.send(self._model, keys=replaced, using=self._alias)
                return written

        written = retry_transient(update, self._alias)
        previewed = assets if fields is HASH_FIELDS else []
        transaction.on_commit(lambda: delete_stale_previews(previewed), using=self._alias)
        return written

    def _replaced_in_place(self, outcomes: Sequence[Outcome], versions: Mapping[Any, int]) -> list[Any]:
        """The keys of rows whose file has other bytes than it had, although nobody said that it was replaced."""
        found = {each.pk: (each.name, versions[each.pk], each.file_digest) for each in outcomes if each.file_digest}
        known = self._rows.filter(pk__in=found, file_digest__isnull=False).order_by("pk")
        stored = known.values_list("pk", *self._guards, "file_digest")
        return [pk for pk, *guards, digest in stored if found[pk][:2] == tuple(guards) and found[pk][2] != digest]

    def _write_one_by_one(self, outcomes: Sequence[Outcome], versions: Mapping[Any, int]) -> Iterator[Outcome]:
        for outcome in outcomes:
            try:
                written = self._update([outcome], versions)
            except (DatabaseError, InterfaceError) as error:
                self._raise_for_outage(error)
                yield from self._refused(outcome, versions, error)
            else:
                self._locked_in_a_row = 0
                yield from [outcome] * written

    def _raise_for_outage(self, error: Exception) -> None:
        if is_outage(error) or not (isinstance(error, DataError | IntegrityError) or self._is_writable()):
            raise DatabaseUnavailable(f"The database cannot be written: {first_line(error)}") from error

    def _is_writable(self) -> bool:
        """Whether the database takes an update of these columns, one that changes no row."""
        quote = connections[self._alias].ops.quote_name
        columns = [quote(str(self._model._meta.get_field(name).column)) for name in HASH_FIELDS]  # type: ignore[union-attr]
        assignments = ", ".join(f"{column} = {column}" for column in columns)
        try:
            with transaction.atomic(using=self._alias), connections[self._alias].cursor() as cursor:
                cursor.execute(f"UPDATE {quote(self._model._meta.db_table)} SET {assignments} WHERE 1 = 0")
        except (DatabaseError, InterfaceError):
            return False
        return True

    def _refused(self, outcome: Outcome, versions: Mapping[Any, int], error: Exception) -> Iterator[Outcome]:
        """The failure, with its reason on the row, unless the row is locked: then it is not at fault."""
        logger.error("Row %s cannot be written: %s", outcome.pk, first_line(error))
        refused = outcome._replace(fingerprint=None, error=f"{type(error).__name__}: {first_line(error)}")
        if is_transient(error):
            self._locked_in_a_row += 1
            if self._locked_in_a_row == LOCKED_ROWS_BEFORE_OUTAGE:
                raise DatabaseUnavailable(f"The database cannot be written: {first_line(error)}") from error
            yield refused
            return
        self._locked_in_a_row = 0
        try:
            yield from [refused] * self._update([refused], versions, REASON_FIELDS)
        except (DatabaseError, InterfaceError) as again:
            self._raise_for_outage(again)
            logger.error("Not even the reason can be written to row %s: %s", outcome.pk, first_line(again))
            yield refused

    def _unchanged(self, outcomes: Sequence[Outcome], versions: Mapping[Any, int]) -> list[Outcome]:
        stored = set(rows_with_keys(self._rows, [each.pk for each in outcomes], self._guards))
        return [each for each in outcomes if (each.pk, each.name, versions[each.pk]) in stored]

    def _asset(self, outcome: Outcome, version: int, now: datetime) -> ImageAsset:
        # Past __init__, which is half the cost of a write, for defaults and signals that nobody needs here. And past
        # the descriptor of the file: an ImageField with dimension fields opens the file that it is given.
        asset = self._model.__new__(self._model)
        asset._state = ModelState()
        asset.pk = outcome.pk
        values = EMPTY_HASH_FIELDS | {
            "hash_error": printable(outcome.error),
            "hashed_at": now,
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
        elif outcome.declared_size:
            values["width"], values["height"] = outcome.declared_size
        asset.__dict__.update(values, image=outcome.name, file_version=version)
        return asset
