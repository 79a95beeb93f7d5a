from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashing.models.image_asset import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet


class PairDecisionQuerySet(models.QuerySet["PairDecision"]):
    def not_superseded(self) -> Self:
        """Return at most one decision for each pair: the last one."""
        return self.filter(superseded_by__isnull=True)

    def in_force(self) -> Self:
        """Return the decisions that hold: not superseded, and both images still have the files that were compared."""
        return self.not_superseded().filter(lower_file=F("lower__image"), higher_file=F("higher__image"))

    def with_images(self) -> Self:
        """Return the decisions on images that both exist."""
        return self.filter(lower__image__isnull=False, higher__image__isnull=False)

    def with_users(self) -> Self:
        """Fetch `decided_by` as well, None for a deleted user."""
        # No join: the users may be in another database.
        return self.prefetch_related("decided_by")

    def about(self, keys: Iterable[int]) -> Self:
        """Return the decisions on pairs in which at least one of the assets takes part."""
        chosen = list(keys)
        return self.filter(Q(lower__in=chosen) | Q(higher__in=chosen))


class PairDecision(models.Model):
    """An editor's verdict on two images. It outlives the groups, and the images.

    A decision on a deleted image is a record without effect: queries that join the images leave it out.
    """

    class Verdict(models.TextChoices):
        SAME = "same", _("the same")
        DIFFERENT = "different", _("not the same")
        RELATED = "related", _("belong together")

    # The keys stay when an image is deleted, and no other image ever gets them.
    lower = models.ForeignKey(
        ImageAsset, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+", verbose_name=_("first image")
    )
    higher = models.ForeignKey(
        ImageAsset, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+", verbose_name=_("second image")
    )
    verdict = models.CharField(_("verdict"), max_length=9, choices=Verdict)
    duplicate = models.ForeignKey(
        ImageAsset,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="marks",
        null=True,
        blank=True,
        verbose_name=_("marked as duplicate"),
        help_text=_("The one of the two that is not kept; empty if they are not the same."),
    )
    lower_file = models.CharField(_("file of the first image"), max_length=500)
    higher_file = models.CharField(_("file of the second image"), max_length=500)
    # A constraint would lock the table of the users while it is created, and would not allow them to be in another
    # database. Deleting a user does not touch this table: the key stays, and belongs to nobody.
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided at"), default=timezone.now)
    batch = models.UUIDField(
        _("decided together"), db_index=True, help_text=_("Identifies the decisions made by one click.")
    )
    superseded_by = models.UUIDField(
        _("superseded by"), null=True, blank=True, db_index=True, help_text=_("The later click, if there is one.")
    )

    objects: ClassVar[PairDecisionQuerySet] = PairDecisionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("decision on a pair")
        verbose_name_plural = _("decisions on pairs")
        constraints = [
            models.CheckConstraint(condition=Q(lower__lt=F("higher")), name="pair_decision_order_check"),
            models.UniqueConstraint(
                fields=["lower", "higher"], condition=Q(superseded_by__isnull=True), name="pair_decision_current_uniq"
            ),
        ]
        indexes = [
            models.Index(fields=["decided_by", "id"], name="pair_decision_last_idx"),
            models.Index(fields=["decided_by", "decided_at"], name="pair_decision_today_idx"),
            models.Index(
                fields=["duplicate"],
                condition=Q(superseded_by__isnull=True, duplicate__isnull=False),
                name="pair_decision_duplicate_idx",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lower_file}, {self.higher_file}: {self.get_verdict_display()}"


class MarkedDuplicateManager(models.Manager["MarkedDuplicate"]):
    def get_queryset(self) -> ImageAssetQuerySet[MarkedDuplicate]:
        """Return the assets that a decision in force marks as duplicates, each with the key of the other as `kept_pk`.

        An annotation with a field of `marks` is about this decision.
        """
        # As in `in_force()`. PostgreSQL takes two equal names for a rare chance and reads the decisions one by
        # one, unless they are in a CASE.
        has_files = When(
            marks__lower_file=F("marks__lower__image"), marks__higher_file=F("marks__higher__image"), then=True
        )
        rows: ImageAssetQuerySet[MarkedDuplicate] = ImageAssetQuerySet(self.model, using=self._db)
        marked: Any = rows.filter(
            Case(has_files, default=False, output_field=models.BooleanField()),
            marks__superseded_by__isnull=True,
            marks__verdict=PairDecision.Verdict.SAME,
            marks__duplicate__isnull=False,
        )
        with_kept: ImageAssetQuerySet[MarkedDuplicate] = marked.annotate(
            kept_pk=F("marks__lower") + F("marks__higher") - F("pk")
        )
        return with_kept


class MarkedDuplicate(ImageAsset):
    """An image asset that an editor has marked as a duplicate. Only the admin of this model deletes duplicates."""

    objects: ClassVar[MarkedDuplicateManager] = MarkedDuplicateManager()  # type: ignore[assignment]

    class Meta:
        proxy = True
        verbose_name = _("marked duplicate")
        verbose_name_plural = _("marked duplicates")
