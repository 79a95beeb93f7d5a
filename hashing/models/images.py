from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.core.validators import MaxValueValidator
from django.db import models, router
from django.db.models import Q
from django.db.models.base import ModelBase
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashing.facts import NO_FACTS
from hashing.models.upload_path import upload_path
from hashing.querysets import HashedImageQuerySet
from hashing.search.bands import band_indexes
from hashing.stored_files.base_names import BaseNameKey


class HashedImage(models.Model):
    """The fields that the backfill fills and the search reads, for a site's own image model.

    A subclass has a file field of its own and names it in `hash_source`. `age_source` names a field that is smaller the
    older a row is: of two copies that are equally good, the older one is kept.
    """

    hash_source: ClassVar[str] = "image"
    age_source: ClassVar[str] = "pk"

    perceptual_hash = models.CharField(_("perceptual hash"), max_length=64, null=True, blank=True, editable=False)
    vertical_hash = models.CharField(_("vertical hash"), max_length=64, null=True, blank=True, editable=False)
    hash_quality = models.PositiveSmallIntegerField(
        _("hash quality"),
        null=True,
        blank=True,
        editable=False,
        validators=[MaxValueValidator(100)],
        help_text=_("0 (blank) to 100. Below the site's minimum, the hash is left out of search."),
    )
    hash_version = models.PositiveSmallIntegerField(_("hash version"), null=True, blank=True, editable=False)
    hash_error = models.TextField(_("hash error"), blank=True, default="", editable=False)
    hashed_at = models.DateTimeField(
        _("hashed at"), null=True, blank=True, editable=False, help_text=_("When it was last tried.")
    )
    width = models.PositiveIntegerField(_("width"), null=True, blank=True, editable=False)
    height = models.PositiveIntegerField(_("height"), null=True, blank=True, editable=False)
    file_size = models.PositiveBigIntegerField(_("file size"), null=True, blank=True, editable=False)

    objects: ClassVar[Any] = HashedImageQuerySet.as_manager()

    class Meta:
        abstract = True

    def save_base(
        self,
        raw: bool = False,  # noqa: FBT001, FBT002
        force_insert: bool | tuple[ModelBase, ...] = False,  # noqa: FBT001, FBT002
        force_update: bool = False,  # noqa: FBT001, FBT002
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """As Django's. A new file takes what was known of the old one away, in the same write."""
        alias = using or router.db_for_write(type(self), instance=self)
        names = None if update_fields is None else frozenset(update_fields)
        if not raw and self._brings_new_file(alias, names, inserting=bool(force_insert)):
            for name, value in NO_FACTS.items():
                setattr(self, name, value)
            names = None if names is None else names | NO_FACTS.keys()
        super().save_base(raw, force_insert, force_update, alias, names)

    def _brings_new_file(self, alias: str, written: frozenset[str] | None, *, inserting: bool) -> bool:
        source = self.hash_source
        if source in self.get_deferred_fields() or not (written is None or source in written):
            return False
        file = getattr(self, source)
        if file and not file._committed:
            return True
        if self.pk is None or inserting:
            return False
        # The database is asked, because the file may have been replaced since this instance was read.
        stored = type(self)._base_manager.using(alias).filter(pk=self.pk).values_list(source, flat=True).first()
        return stored is not None and stored != (file.name or "")


class ImageAsset(HashedImage):
    """One picture of the site. `width` and `height` are those a person sees, after EXIF rotation."""

    age_source = "created_at"

    image = models.ImageField(_("image"), upload_to=upload_path, max_length=500)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    objects: ClassVar[HashedImageQuerySet[ImageAsset]] = HashedImageQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("image asset")
        verbose_name_plural = _("image assets")
        indexes = [
            models.Index(fields=["perceptual_hash"], name="image_asset_phash_idx"),
            models.Index(fields=["vertical_hash"], name="image_asset_vhash_idx"),
            models.Index(fields=["image"], name="image_asset_image_idx"),
            models.Index(fields=["id"], condition=Q(perceptual_hash__isnull=True), name="image_asset_unhashed_idx"),
            models.Index(fields=["id"], condition=~Q(hash_error=""), name="image_asset_failed_idx"),
            models.Index(BaseNameKey("image"), name="image_asset_base_name_idx"),
            models.Index(fields=["file_size"], name="image_asset_file_size_idx"),
            models.Index(fields=["created_at"], name="image_asset_created_idx"),
            models.Index(fields=["hashed_at"], name="image_asset_hashed_at_idx"),
            *band_indexes("image_asset"),
        ]

    def __str__(self) -> str:
        return self.image.name or str(self.pk)
