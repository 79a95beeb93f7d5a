from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashing.db.bulk_update import BulkUpdateQuerySet
from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import Framing
from hashing.models.image_asset import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet

ORIENTATION_LABELS = {
    Orientation.UPRIGHT: _("upright"),
    Orientation.MIRRORED: _("mirrored"),
    Orientation.HALF_TURN: _("turned by 180°"),
    Orientation.FLIPPED: _("flipped"),
    Orientation.TRANSPOSED: _("turned right, mirrored"),
    Orientation.TURNED_RIGHT: _("turned right"),
    Orientation.TRANSVERSED: _("turned left, mirrored"),
    Orientation.TURNED_LEFT: _("turned left"),
}


# Labels of the picture that was found. If both have a frame, it is mostly the same one and needs no label.
FRAMING_LABELS = {Framing.ROW: _("in a frame"), Framing.QUERY: _("without the frame")}


def describe_match(framing: int, orientation: int) -> str:
    """Return how a picture is framed, turned and mirrored, compared with another one; empty if it is as that is."""
    labels = [FRAMING_LABELS.get(Framing(framing), "")]
    if orientation != Orientation.UPRIGHT:
        labels.append(ORIENTATION_LABELS[Orientation(orientation)])
    return ", ".join(str(label) for label in labels if label)


class GroupingRun(models.Model):
    """The options of the last search for duplicates, by which new uploads join groups. A table of at most one row."""

    max_distance = models.PositiveSmallIntegerField(_("largest distance"))
    any_orientation = models.BooleanField(_("in any orientation"), default=False)
    exact_bytes = models.BooleanField(_("equal files only"), default=False)
    sources = models.JSONField(_("sources"), default=list)
    finished_at = models.DateTimeField(_("finished at"), default=timezone.now)

    class Meta:
        verbose_name = _("search for duplicates")
        verbose_name_plural = _("searches for duplicates")

    def __str__(self) -> str:
        return str(self.finished_at)


class DuplicateGroupQuerySet(BulkUpdateQuerySet["DuplicateGroup"]):
    def open(self) -> Self:
        """Return the groups with images that are not decided yet."""
        return self.filter(open_count__gt=0)

    def decided(self) -> Self:
        return self.filter(open_count=0)


class DuplicateGroup(models.Model):
    """A keeper and the images that match it. Derived from hashes and decisions: it may be rebuilt at any time."""

    keeper = models.OneToOneField(
        ImageAsset, on_delete=models.CASCADE, related_name="kept_group", verbose_name=_("keeper")
    )
    size = models.PositiveIntegerField(_("images"), help_text=_("Including the keeper."))
    open_count = models.PositiveIntegerField(_("undecided images"))
    open_bytes = models.PositiveBigIntegerField(
        _("undecided bytes"), default=0, help_text=_("What deleting the undecided images would free.")
    )
    max_distance = models.PositiveSmallIntegerField(
        _("largest distance"), help_text=_("Between the keeper and one of its images.")
    )
    found_at = models.DateTimeField(_("found at"), default=timezone.now)
    # A copy by which lists are sorted: the `base_name_key` of the keeper's file.
    keeper_name = models.CharField(_("name of the keeper"), max_length=500, default="")

    objects: ClassVar[DuplicateGroupQuerySet] = DuplicateGroupQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("group of duplicates")
        verbose_name_plural = _("groups of duplicates")
        indexes = [
            models.Index(fields=["id"], condition=Q(open_count__gt=0), name="duplicate_group_open_idx"),
            models.Index(
                fields=["-open_bytes", "open_count"], condition=Q(open_count__gt=0), name="duplicate_group_bytes_idx"
            ),
            models.Index(fields=["max_distance"], name="duplicate_group_distance_idx"),
            models.Index(fields=["size"], name="duplicate_group_size_idx"),
            models.Index(fields=["keeper_name", "keeper"], name="duplicate_group_name_idx"),
        ]

    def __str__(self) -> str:
        return str(_("Group of %(size)d around %(keeper)d") % {"size": self.size, "keeper": self.keeper_id})


class GroupMemberQuerySet(BulkUpdateQuerySet["GroupMember"]):
    """Uses the fast `bulk_update`: one decision may concern a hundred thousand images."""


class GroupMember(models.Model):
    """One image of a group. The keeper has position 0; the others follow by distance, and later ones at the end."""

    group = models.ForeignKey(DuplicateGroup, on_delete=models.CASCADE, related_name="members")
    asset = models.OneToOneField(ImageAsset, on_delete=models.CASCADE, related_name="membership")
    position = models.PositiveIntegerField(_("position"))
    distance = models.PositiveSmallIntegerField(_("distance to the keeper"))
    orientation = models.PositiveSmallIntegerField(
        _("orientation"),
        # Plain integers, which a migration can contain.
        choices={orientation.value: label for orientation, label in ORIENTATION_LABELS.items()},
        default=Orientation.UPRIGHT.value,
    )
    # Which of the two was compared by what is inside its frame: the image is the row, the keeper the query.
    framing = models.PositiveSmallIntegerField(_("framing"), default=Framing.NONE.value)
    is_same = models.BooleanField(
        _("is the same"), default=False, help_text=_("Decided by an editor. Always true for the keeper.")
    )
    # A copy, so that a search reads the names of images in groups alone.
    name = models.CharField(_("name of the file"), max_length=500, default="")

    objects: ClassVar[GroupMemberQuerySet] = GroupMemberQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("image of a group")
        verbose_name_plural = _("images of groups")
        constraints = [models.UniqueConstraint(fields=["group", "position"], name="group_member_position_uniq")]

    def __str__(self) -> str:
        return f"{self.asset_id} in {self.group_id}"


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
