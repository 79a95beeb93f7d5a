from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from hashing.db.clock import Ago, Now

# Three polls of a page. Nobody says that they have left.
TIMEOUT = timedelta(minutes=1)


class GroupViewerQuerySet(models.QuerySet["GroupViewer"]):
    def current(self) -> Self:
        return self.filter(seen_at__gte=Ago(TIMEOUT))

    def outdated(self) -> Self:
        return self.filter(seen_at__lt=Ago(TIMEOUT))

    def record(self, user_pk: Any, keeper_pk: int) -> None:
        """Note that a user has a group open, and no other one, and forget the users who have left."""
        self.outdated().delete()
        row = self.model(user_id=user_pk, keeper_pk=keeper_pk, seen_at=Now())
        self.bulk_create([row], update_conflicts=True, unique_fields=["user"], update_fields=["keeper_pk", "seen_at"])


class GroupViewer(models.Model):
    """The group that an editor has open. Rows of the last minute count.

    The group is named by its keeper. There is no foreign key: nothing has to be cleared or locked with an image.
    """

    # As for `PairDecision.decided_by`.
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="+",
        verbose_name=_("user"),
    )
    keeper_pk = models.PositiveBigIntegerField(_("keeper"))
    seen_at = models.DateTimeField(_("seen at"))

    objects: ClassVar[GroupViewerQuerySet] = GroupViewerQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("viewer of a group")
        verbose_name_plural = _("viewers of groups")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.user_id} at {self.keeper_pk}"
