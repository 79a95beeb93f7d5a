from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from django.core.validators import MaxValueValidator
from django.db import models, router
from django.db.models import Q
from django.db.models.base import ModelBase
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashing.db.base_names import BaseNameKey
from hashing.db.hexadecimal import HexBinaryField, HexIntegerField
from hashing.db.retry import retry_transient
from hashing.db.transactions import begin, writing_transaction
from hashing.models.hash_fields import EMPTY_HASH_FIELDS, HASH_FIELDS, has_other_file
from hashing.models.image_file import AssetImageField, is_upload, upload_path
from hashing.models.querysets import ImageAssetQuerySet
from hashing.search.bands import band_indexes
from hashing.signals import file_saved, files_replaced
from hashing.sources.keys import SourceKey


class ImageAsset(models.Model):
    """An image file of the site, in the asset's own `image` field or in a field of another model.

    The `source_*` columns name the row that owns the file (see `hashing.sources`), and are null for an asset that owns
    its file itself. Further rows with the same file are `co_owners`. The size is that after EXIF rotation.
    """

    # Whether a file was stored since the row was read or saved.
    has_upload = False
    # Why the file was not hashed when it was saved, although that is the setting.
    left_to_backfill = ""

    image = AssetImageField(_("image"), upload_to=upload_path, max_length=500)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    source_type = models.CharField(_("source"), max_length=255, null=True, blank=True, editable=False)
    source_id = models.CharField(_("source key"), max_length=255, null=True, blank=True, editable=False)
    source_field = models.CharField(_("source field"), max_length=255, null=True, blank=True, editable=False)
    perceptual_hash = models.CharField(_("perceptual hash"), max_length=64, null=True, blank=True, editable=False)
    vertical_hash = models.CharField(_("vertical hash"), max_length=64, null=True, blank=True, editable=False)
    detail_hash = models.CharField(_("detail hash"), max_length=64, null=True, blank=True, editable=False)
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
    file_digest = models.CharField(
        _("file digest"),
        max_length=64,
        null=True,
        blank=True,
        editable=False,
        help_text=_("SHA-256 of the file's bytes, in hexadecimal characters."),
    )
    file_format = models.CharField(_("file format"), max_length=16, null=True, blank=True, editable=False)
    jpeg_quality = models.PositiveSmallIntegerField(
        _("JPEG quality"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("1 to 100, estimated from the file: the quality with which it was saved."),
    )
    is_transparent = models.BooleanField(_("transparent"), null=True, blank=True, editable=False)
    exif_count = models.PositiveIntegerField(
        _("EXIF tags"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("How many there are, without those that say how the pixels are stored."),
    )
    taken_at = models.DateTimeField(
        _("date taken"), null=True, blank=True, editable=False, help_text=_("By the clock of the camera.")
    )
    # What is inside a frame of one colour; null without a frame. The box is in thousandths of the width and the height.
    inside_perceptual_hash = HexIntegerField(_("perceptual hash of the inside"), null=True, blank=True, editable=False)
    inside_vertical_hash = HexIntegerField(_("vertical hash of the inside"), null=True, blank=True, editable=False)
    inside_detail_hash = HexBinaryField(_("detail hash of the inside"), null=True, blank=True, editable=False)
    inside_quality = models.PositiveSmallIntegerField(_("quality of the inside"), null=True, blank=True, editable=False)
    inside_left = models.PositiveSmallIntegerField(_("left of the inside"), null=True, blank=True, editable=False)
    inside_top = models.PositiveSmallIntegerField(_("top of the inside"), null=True, blank=True, editable=False)
    inside_right = models.PositiveSmallIntegerField(_("right of the inside"), null=True, blank=True, editable=False)
    inside_bottom = models.PositiveSmallIntegerField(_("bottom of the inside"), null=True, blank=True, editable=False)
    # A storage that overwrites files gives a new file the name of the old one.
    file_version = models.PositiveIntegerField(
        _("file version"), default=0, db_default=0, editable=False, help_text=_("How many times the file was replaced.")
    )

    objects: ClassVar[ImageAssetQuerySet[ImageAsset]] = ImageAssetQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("image")
        verbose_name_plural = _("images")
        indexes = [
            models.Index(fields=["perceptual_hash"], name="image_asset_phash_idx"),
            models.Index(fields=["file_digest"], name="image_asset_digest_idx"),
            models.Index(fields=["image"], name="image_asset_image_idx"),
            models.Index(fields=["id"], condition=Q(perceptual_hash__isnull=True), name="image_asset_unhashed_idx"),
            models.Index(fields=["id"], condition=~Q(hash_error=""), name="image_asset_failed_idx"),
            models.Index(BaseNameKey("image"), name="image_asset_base_name_idx"),
            models.Index(fields=["file_size"], name="image_asset_file_size_idx"),
            models.Index(fields=["created_at"], name="image_asset_created_idx"),
            models.Index(fields=["hashed_at"], name="image_asset_hashed_at_idx"),
            models.Index(fields=["hash_version"], name="image_asset_version_idx"),
            *band_indexes(),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["source_type", "source_field", "source_id"], name="image_asset_source_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.image.name or str(self.pk)

    def save(
        self,
        *,
        force_insert: bool | tuple[ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Extend Django's method: the hash belongs to the stored file, not to the instance.

        A row that gets an upload or another file loses its hash in the same write. With the same file, it keeps the
        stored hash, even if the instance has an older one. Fields of the hash are written if `update_fields` names
        them.
        """
        names = None if update_fields is None else frozenset(update_fields)
        alias = using or router.db_for_write(type(self), instance=self)
        save = partial(super().save, force_insert=force_insert, force_update=force_update, using=alias)
        if names is not None and "image" not in names:
            save(update_fields=names)
            return
        writes_file = "image" not in self.get_deferred_fields()
        has_upload = writes_file and self._store_upload()
        with writing_transaction(alias):
            stored = None if force_insert else self._lock_stored(alias)
            is_replaced = stored is not None and writes_file and (has_upload or has_other_file(self, stored["image"]))
            if has_upload or is_replaced:
                version = {"file_version": stored["file_version"] + 1 if stored else 0}
                names = self._set_file_fields(EMPTY_HASH_FIELDS | version, names, written=True)
            elif stored is not None:
                names = self._set_file_fields(stored, names, written=False)
            save(update_fields=names)
            if is_replaced:
                files_replaced.send(type(self), keys=[self.pk], using=alias)
            if is_replaced or stored is None:
                file_saved.send(type(self), instance=self, created=stored is None, using=alias)
        self.has_upload = self.has_upload and not writes_file

    save.alters_data = True  # type: ignore[attr-defined]

    def delete(self, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:  # noqa: FBT001, FBT002
        """Extend Django's method: lock the row first, so that it is not added to a group while it is being deleted."""
        alias, pk, delete = using or router.db_for_write(type(self), instance=self), self.pk, super().delete

        def delete_locked() -> tuple[int, dict[str, int]]:
            with begin(alias):
                # Django takes the key from the instance when the deletion succeeds, though the commit may fail.
                self.pk = pk
                self._lock_stored(alias)
                return delete(using=alias, keep_parents=keep_parents)

        return retry_transient(delete_locked, alias)

    delete.alters_data = True  # type: ignore[attr-defined]

    @property
    def source_key(self) -> SourceKey | None:
        """The row that owns the file; None if the asset owns it itself."""
        return SourceKey.of(self.source_type, self.source_id, self.source_field)

    def _store_upload(self) -> bool:
        """Store a file that was assigned, before the transaction begins. Return whether the file is an upload."""
        file: Any = self.image
        if file and is_upload(file):
            file.save(file.name, file.file, save=False)
            return True
        return self.has_upload

    def _lock_stored(self, alias: str) -> dict[str, Any] | None:
        """Lock the row until the end of the transaction, and return the fields of its file."""
        if self.pk is None:
            return None
        rows = type(self)._base_manager.using(alias).filter(pk=self.pk).select_for_update(no_key=True)
        stored: dict[str, Any] | None = rows.values("image", "file_version", *HASH_FIELDS).first()
        return stored

    def _set_file_fields(
        self, values: Mapping[str, Any], names: frozenset[str] | None, *, written: bool
    ) -> frozenset[str] | None:
        """Set the fields of the file that `names` leaves out, and return the names to save, with these if `written`."""
        given = names or frozenset()
        deferred = frozenset() if written else self.get_deferred_fields()
        file_fields = {"file_version", *HASH_FIELDS}
        for name in file_fields - given - deferred:
            setattr(self, name, values[name])
        return names | file_fields if written and names is not None else names


class CoOwner(models.Model):
    """A further row of the site with the same file as an asset; the asset's own columns name the first."""

    asset = models.ForeignKey(ImageAsset, models.CASCADE, related_name="co_owners", verbose_name=_("image"))
    source_type = models.CharField(_("source"), max_length=255)
    source_id = models.CharField(_("source key"), max_length=255)
    source_field = models.CharField(_("source field"), max_length=255)

    class Meta:
        verbose_name = _("co-owner")
        verbose_name_plural = _("co-owners")
        constraints = [
            models.UniqueConstraint(fields=["source_type", "source_field", "source_id"], name="co_owner_source_unique"),
        ]

    def __str__(self) -> str:
        return str(self.source_key)

    @property
    def source_key(self) -> SourceKey:
        return SourceKey(self.source_type, self.source_id, self.source_field)
