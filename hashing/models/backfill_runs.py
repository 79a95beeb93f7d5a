from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import connections, models, transaction
from django.utils.translation import gettext_lazy as _

from hashing.db.clock import Now

# A run writes every few seconds that it is there; silent for longer, it was killed, or has lost the database. Times are
# those of the database, because the clocks of many machines differ.
HEARTBEAT_TIMEOUT = timedelta(seconds=30)
KEPT_FOR = timedelta(days=7)
DELETED_AT_ONCE = 1000


class BackfillRunQuerySet(models.QuerySet["BackfillRun"]):
    def alive(self) -> Self:
        """Under way, as far as is known."""
        return self.unfinished().filter(heartbeat_at__gte=Now() - HEARTBEAT_TIMEOUT)

    def unfinished(self) -> Self:
        return self.filter(ended_at__isnull=True)

    def lost(self) -> Self:
        """Begun, not ended, and not heard of any more."""
        return self.unfinished().filter(heartbeat_at__lt=Now() - HEARTBEAT_TIMEOUT)

    def outdated(self) -> Self:
        return self.filter(heartbeat_at__lt=Now() - KEPT_FOR)

    def delete_outdated(self) -> None:
        """Delete the first outdated records, except for those that another worker is deleting."""
        skip_locked = connections[self.db].features.has_select_for_update_skip_locked
        with transaction.atomic(using=self.db):
            locked = self.outdated().select_for_update(skip_locked=skip_locked).order_by("pk")
            if keys := list(locked.values_list("pk", flat=True)[:DELETED_AT_ONCE]):
                self.filter(pk__in=keys).delete()


class BackfillRun(models.Model):
    """A run of the backfill, and how far it says it is. It is there for those who watch: what is done, and what is to
    do, is on the rows alone."""

    worker = models.CharField(_("worker"), max_length=255, help_text=_("Machine and process."))
    model_label = models.CharField(_("model"), max_length=255)
    batch_id = models.CharField(_("batch"), max_length=32, blank=True, help_text=_("The shards of one list share it."))
    shard_number = models.PositiveIntegerField(_("number of the shard"), null=True)
    start_pk = models.CharField(_("first key"), max_length=255, blank=True)
    end_pk = models.CharField(_("last key"), max_length=255, blank=True)
    total = models.PositiveBigIntegerField(_("pictures"))
    processed = models.PositiveBigIntegerField(_("hashed"), default=0)
    failed = models.PositiveBigIntegerField(_("failed"), default=0)
    started_at = models.DateTimeField(_("started at"))
    heartbeat_at = models.DateTimeField(_("last heartbeat"))
    ended_at = models.DateTimeField(_("ended at"), null=True)
    stopped = models.TextField(_("why it ended early"), blank=True)

    objects: ClassVar[BackfillRunQuerySet] = BackfillRunQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("run of the backfill")
        verbose_name_plural = _("runs of the backfill")
        default_permissions = ()
        indexes = [
            models.Index(fields=["heartbeat_at"], name="backfill_run_heartbeat_idx"),
            models.Index(fields=["batch_id"], name="backfill_run_batch_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.worker}: {self.done} / {self.total}"

    @property
    def done(self) -> int:
        return self.processed + self.failed

    @property
    def rate(self) -> float:
        """Images a second, since it began."""
        seconds = (self._last_sign - self.started_at).total_seconds()
        return self.done / seconds if seconds > 0 else 0.0

    @property
    def _last_sign(self) -> datetime:
        return self.ended_at or self.heartbeat_at
