from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashing.db.clock import Ago, Now

# A run without a heartbeat for longer was killed. The storage may take long for a batch.
HEARTBEAT_TIMEOUT = timedelta(minutes=5)
RETENTION = timedelta(days=7)


class DeletionRunQuerySet(models.QuerySet["DeletionRun"]):
    def unfinished(self) -> Self:
        return self.filter(ended_at__isnull=True)

    def alive(self) -> Self:
        """Return unfinished runs that a process works on."""
        return self.unfinished().filter(heartbeat_at__gte=Ago(HEARTBEAT_TIMEOUT))

    def lost(self) -> Self:
        """Return unfinished runs whose process was killed."""
        return self.unfinished().filter(heartbeat_at__lt=Ago(HEARTBEAT_TIMEOUT))

    def outdated(self) -> Self:
        return self.filter(queued_at__lt=Ago(RETENTION))

    def claim(self, pk: int) -> bool:
        """Return whether this process may do the work of a run: nobody else does it, and it has not ended."""
        is_free = models.Q(heartbeat_at__isnull=True) | models.Q(heartbeat_at__lt=Ago(HEARTBEAT_TIMEOUT))
        return self.unfinished().filter(is_free, pk=pk).update(heartbeat_at=Now()) > 0

    def end(self, pk: int, error: str = "") -> bool:
        """Record that a run has ended, if it has not before."""
        return self.unfinished().filter(pk=pk).update(ended_at=Now(), error=error) > 0


class DeletionRun(models.Model):
    """A deletion of many images in the background: what is left of it, and what it has done."""

    # The users may be in another database.
    user_pk = models.CharField(_("user"), max_length=255)
    site_name = models.CharField(_("admin site"), max_length=255)
    model_label = models.CharField(_("model"), max_length=255)
    # Values of a `DeletionJob`.
    job = models.JSONField(_("job"))
    total = models.PositiveIntegerField(_("images"))
    done = models.PositiveIntegerField(_("done"), default=0)
    is_stopping = models.BooleanField(_("is to be stopped"), default=False)
    error = models.TextField(_("reason for ending early"), blank=True)
    queued_at = models.DateTimeField(_("queued at"), default=timezone.now)
    heartbeat_at = models.DateTimeField(_("last heartbeat"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)

    objects: ClassVar[DeletionRunQuerySet] = DeletionRunQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("deletion in the background")
        verbose_name_plural = _("deletions in the background")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.done} / {self.total}"
