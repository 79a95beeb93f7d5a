"""From outcomes to rows: one short transaction a batch, and never over a newer file."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError
from django.utils import timezone

from hashing.backfill.outage import Outage
from hashing.backfill.printable import printable
from hashing.facts import HASH_FIELDS
from hashing.perceptual_hash import HASH_VERSION
from hashing.querysets import HashedImageQuerySet
from hashing.workers.worker import Outcome

logger = logging.getLogger(__name__)


class OutcomeWriter:
    """Writes outcomes to the rows of `queryset`, which is unfiltered and on the database to write to."""

    def __init__(self, queryset: HashedImageQuerySet[Any]) -> None:
        self._rows = queryset
        self._model = queryset.model

    def write(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Returns the outcomes that are on their rows now, or that could not be written, as failures.

        Left out are those whose row has got another file since, or is gone. Raises `Outage` when the database does
        not answer.
        """
        try:
            written = self._update(outcomes)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("A batch of %d rows was refused, writing row by row: %s", len(outcomes), error)
            return [kept for outcome in outcomes if (kept := self._write_alone(outcome))]
        return list(outcomes) if written == len(outcomes) else self._unchanged(outcomes)

    def _update(self, outcomes: Sequence[Outcome]) -> int:
        now = timezone.now()
        assets = [self._asset(outcome, now) for outcome in outcomes]
        return self._rows.guarded_by(self._model.hash_source).bulk_update(assets, HASH_FIELDS)

    def _write_alone(self, outcome: Outcome) -> Outcome | None:
        try:
            return outcome if self._update([outcome]) else None
        except (OperationalError, InterfaceError) as error:
            raise Outage(f"The database cannot be written: {error}") from error
        except DatabaseError as error:
            logger.error("Row %s cannot be written: %s", outcome.pk, error)
            return outcome._replace(fingerprint=None, error=f"{type(error).__name__}: {printable(str(error))}")

    def _unchanged(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        keys = [outcome.pk for outcome in outcomes]
        names = dict(self._rows.filter(pk__in=keys).values_list("pk", self._model.hash_source))
        return [outcome for outcome in outcomes if names.get(outcome.pk) == outcome.name]

    def _asset(self, outcome: Outcome, now: datetime) -> Any:
        values: dict[str, Any] = {"hash_error": printable(outcome.error), "hashed_at": now}
        if found := outcome.fingerprint:
            values.update(
                perceptual_hash=found.perceptual_hash,
                vertical_hash=found.vertical_hash,
                hash_quality=found.quality,
                hash_version=HASH_VERSION,
                width=found.width,
                height=found.height,
                file_size=outcome.file_size,
            )
        values[self._model.hash_source] = outcome.name
        return self._model(pk=outcome.pk, **values)
