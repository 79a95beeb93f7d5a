from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashing.db.bulk_update import BulkUpdateQuerySet
from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import Framing
from hashing.models.image_asset import ImageAsset
from hashing.models.match_labels import ORIENTATION_LABELS


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
