from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Self

from django.db import connections, models, transaction
from django.utils.translation import gettext_lazy as _

from hashing.db.clock import Ago

# A run without a heartbeat for longer was killed or has lost the database. All times are the database's, because the
# clocks of machines differ.
HEARTBEAT_TIMEOUT = timedelta(seconds=30)
RETENTION = timedelta(days=7)
DELETE_BATCH = 1000


class BackfillRunQuerySet(models.QuerySet["BackfillRun"]):
    def alive(self) -> Self:
        """Return unfinished runs with a recent heartbeat."""
        return self.unfinished().filter(heartbeat_at__gte=Ago(HEARTBEAT_TIMEOUT))

    def unfinished(self) -> Self:
        return self.filter(ended_at__isnull=True)

    def lost(self) -> Self:
        """Return unfinished runs without a recent heartbeat."""
        return self.unfinished().filter(heartbeat_at__lt=Ago(HEARTBEAT_TIMEOUT))

    def outdated(self) -> Self:
        return self.filter(heartbeat_at__lt=Ago(RETENTION))

    def delete_outdated(self) -> None:
        """Delete a batch of outdated runs, skipping those that another worker is deleting."""
        skip_locked = connections[self.db].features.has_select_for_update_skip_locked
        with transaction.atomic(using=self.db):
            locked = self.outdated().select_for_update(skip_locked=skip_locked).order_by("pk")
            if keys := list(locked.values_list("pk", flat=True)[:DELETE_BATCH]):
                self.filter(pk__in=keys).delete()


class BackfillRun(models.Model):
    """The heartbeat of a run of the backfill, for display. Whether a row is hashed is stored on the row alone."""

    worker = models.CharField(_("worker"), max_length=255, help_text=_("Machine and process."))
    model_label = models.CharField(_("model"), max_length=255)
    batch_id = models.CharField(_("batch"), max_length=32, blank=True, help_text=_("Common to the shards of one list."))
    shard_number = models.PositiveIntegerField(_("shard number"), null=True)
    start_pk = models.CharField(_("first key"), max_length=255, blank=True)
    end_pk = models.CharField(_("last key"), max_length=255, blank=True)
    total = models.PositiveBigIntegerField(_("images"))
    processed = models.PositiveBigIntegerField(_("hashed"), default=0)
    failed = models.PositiveBigIntegerField(_("failed"), default=0)
    started_at = models.DateTimeField(_("started at"))
    heartbeat_at = models.DateTimeField(_("last heartbeat"))
    ended_at = models.DateTimeField(_("ended at"), null=True)
    stopped = models.TextField(_("reason for stopping early"), blank=True)

    objects: ClassVar[BackfillRunQuerySet] = BackfillRunQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("backfill run")
        verbose_name_plural = _("backfill runs")
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
        """Images per second since the start."""
        seconds = ((self.ended_at or self.heartbeat_at) - self.started_at).total_seconds()
        return self.done / seconds if seconds > 0 else 0.0
