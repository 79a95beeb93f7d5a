"""From outcomes to rows: one short transaction a batch, and never over a newer file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, InterfaceError, OperationalError, connections, transaction
from django.db.models.base import ModelState
from django.utils import timezone

from hashing.backfill.outage import Outage
from hashing.facts import EMPTY_HASH_FIELDS, HASH_FIELDS
from hashing.models.images import ImageAsset
from hashing.perceptual_hash import HASH_VERSION
from hashing.previews import delete_stale_previews
from hashing.querysets import HashedImageQuerySet
from hashing.text import first_line, printable
from hashing.workers.worker import Outcome

if TYPE_CHECKING:
    from hashing.models import HashedImage

logger = logging.getLogger(__name__)

# One after the other: a lock that is held on a row passes, a database that takes nothing does not.
REFUSALS_BEFORE_OUTAGE = 3


class OutcomeWriter:
    """Writes outcomes to the rows of a model in the database `alias`. `now` is what `hashed_at` is to say."""

    def __init__(self, model: type[HashedImage], alias: str, now: Callable[[], datetime] = timezone.now) -> None:
        self._now = now
        self._model = model
        self._alias = alias
        # Not the model's own manager, which may hide rows, or be no manager of ours.
        self._rows = HashedImageQuerySet[Any](model, using=alias)

    def write(self, outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
        """Yields the outcomes that are on their rows now, or that could not be written, as failures.

        Left out are those whose row has got another file since, or is gone. Raises `Outage` when the database does
        not answer.
        """
        try:
            written = self._update(outcomes)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("A batch of %d rows was refused, writing row by row: %s", len(outcomes), first_line(error))
            yield from self._write_one_by_one(outcomes)
            return
        yield from outcomes if written == len(outcomes) else self._unchanged(outcomes)

    def _update(self, outcomes: Sequence[Outcome]) -> int:
        now = self._now()
        assets = [self._asset(outcome, now) for outcome in outcomes]
        # Inside a caller's transaction it is a savepoint: what is refused leaves that transaction sound.
        with transaction.atomic(using=self._alias):
            written = self._rows.guarded_by(self._model.hash_source).bulk_update(assets, HASH_FIELDS)
        previewed = [asset for asset in assets if isinstance(asset, ImageAsset)]
        transaction.on_commit(lambda: delete_stale_previews(previewed), using=self._alias)
        return written

    def _write_one_by_one(self, outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
        refusals = 0
        for outcome in outcomes:
            try:
                written = self._update([outcome])
            except (OperationalError, InterfaceError) as error:
                refusals += 1
                if refusals == REFUSALS_BEFORE_OUTAGE or not connections[self._alias].is_usable():
                    raise Outage(f"The database cannot be written: {first_line(error)}") from error
                yield _refused(outcome, error)
            except DatabaseError as error:
                yield _refused(outcome, error)
            else:
                refusals = 0
                yield from [outcome] * written

    def _unchanged(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        keys = [outcome.pk for outcome in outcomes]
        names = dict(self._rows.filter(pk__in=keys).values_list("pk", self._model.hash_source))
        return [outcome for outcome in outcomes if outcome.pk in names and names[outcome.pk] == outcome.name]

    def _asset(self, outcome: Outcome, now: datetime) -> HashedImage:
        # Past __init__, which is half the cost of a write, for defaults and signals that nobody needs here. And past
        # the descriptor of the file: an ImageField with dimension fields opens the file that it is given.
        asset = self._model.__new__(self._model)
        asset._state = ModelState()
        asset.pk = outcome.pk
        values = EMPTY_HASH_FIELDS | {"hash_error": printable(outcome.error), "hashed_at": now}
        if found := outcome.fingerprint:
            values |= {
                "perceptual_hash": found.perceptual_hash,
                "vertical_hash": found.vertical_hash,
                "hash_quality": found.quality,
                "hash_version": HASH_VERSION,
                "width": found.width,
                "height": found.height,
                "file_size": outcome.file_size,
            }
        asset.__dict__.update(values, **{self._model.hash_source: outcome.name})
        return asset


def _refused(outcome: Outcome, error: Exception) -> Outcome:
    logger.error("Row %s cannot be written: %s", outcome.pk, first_line(error))
    return outcome._replace(fingerprint=None, error=f"{type(error).__name__}: {first_line(error)}")
