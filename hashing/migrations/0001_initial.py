import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="ImageAsset",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("image", models.ImageField(max_length=500, upload_to="", verbose_name="image")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "source_type",
                    models.CharField(blank=True, editable=False, max_length=255, null=True, verbose_name="source"),
                ),
                (
                    "source_id",
                    models.CharField(blank=True, editable=False, max_length=255, null=True, verbose_name="source key"),
                ),
                (
                    "source_field",
                    models.CharField(
                        blank=True, editable=False, max_length=255, null=True, verbose_name="source field"
                    ),
                ),
                (
                    "perceptual_hash",
                    models.CharField(
                        blank=True, editable=False, max_length=64, null=True, verbose_name="perceptual hash"
                    ),
                ),
                (
                    "vertical_hash",
                    models.CharField(
                        blank=True, editable=False, max_length=64, null=True, verbose_name="vertical hash"
                    ),
                ),
                (
                    "detail_hash",
                    models.CharField(blank=True, editable=False, max_length=64, null=True, verbose_name="detail hash"),
                ),
                (
                    "hash_quality",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        editable=False,
                        help_text="0 (blank) to 100. Below the site's minimum, the hash is left out of search.",
                        null=True,
                        validators=[django.core.validators.MaxValueValidator(100)],
                        verbose_name="hash quality",
                    ),
                ),
                (
                    "hash_version",
                    models.PositiveSmallIntegerField(
                        blank=True, editable=False, null=True, verbose_name="hash version"
                    ),
                ),
                ("hash_error", models.TextField(blank=True, default="", editable=False, verbose_name="hash error")),
                (
                    "hashed_at",
                    models.DateTimeField(
                        blank=True,
                        editable=False,
                        help_text="When it was last tried.",
                        null=True,
                        verbose_name="hashed at",
                    ),
                ),
                ("width", models.PositiveIntegerField(blank=True, editable=False, null=True, verbose_name="width")),
                ("height", models.PositiveIntegerField(blank=True, editable=False, null=True, verbose_name="height")),
                (
                    "file_size",
                    models.PositiveBigIntegerField(blank=True, editable=False, null=True, verbose_name="file size"),
                ),
                (
                    "file_digest",
                    models.CharField(
                        blank=True,
                        editable=False,
                        help_text="SHA-256 of the file's bytes, in hexadecimal characters.",
                        max_length=64,
                        null=True,
                        verbose_name="file digest",
                    ),
                ),
                (
                    "file_format",
                    models.CharField(blank=True, editable=False, max_length=16, null=True, verbose_name="file format"),
                ),
                (
                    "jpeg_quality",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        editable=False,
                        help_text="1 to 100, estimated from the file: the quality with which it was saved.",
                        null=True,
                        verbose_name="JPEG quality",
                    ),
                ),
                (
                    "is_transparent",
                    models.BooleanField(blank=True, editable=False, null=True, verbose_name="transparent"),
                ),
                (
                    "exif_count",
                    models.PositiveIntegerField(
                        blank=True,
                        editable=False,
                        help_text="How many there are, without those that say how the pixels are stored.",
                        null=True,
                        verbose_name="EXIF tags",
                    ),
                ),
                (
                    "taken_at",
                    models.DateTimeField(
                        blank=True,
                        editable=False,
                        help_text="By the clock of the camera.",
                        null=True,
                        verbose_name="date taken",
                    ),
                ),
                (
                    "inside_perceptual_hash",
                    models.BigIntegerField(
                        blank=True, editable=False, null=True, verbose_name="perceptual hash of the inside"
                    ),
                ),
                (
                    "inside_vertical_hash",
                    models.BigIntegerField(
                        blank=True, editable=False, null=True, verbose_name="vertical hash of the inside"
                    ),
                ),
                (
                    "inside_detail_hash",
                    models.BinaryField(blank=True, null=True, verbose_name="detail hash of the inside"),
                ),
                (
                    "inside_quality",
                    models.PositiveSmallIntegerField(
                        blank=True, editable=False, null=True, verbose_name="quality of the inside"
                    ),
                ),
                (
                    "inside_left",
                    models.PositiveSmallIntegerField(
                        blank=True, editable=False, null=True, verbose_name="left of the inside"
                    ),
                ),
                (
                    "inside_top",
                    models.PositiveSmallIntegerField(
                        blank=True, editable=False, null=True, verbose_name="top of the inside"
                    ),
                ),
                (
                    "inside_right",
                    models.PositiveSmallIntegerField(
                        blank=True, editable=False, null=True, verbose_name="right of the inside"
                    ),
                ),
                (
                    "inside_bottom",
                    models.PositiveSmallIntegerField(
                        blank=True, editable=False, null=True, verbose_name="bottom of the inside"
                    ),
                ),
                (
                    "file_version",
                    models.PositiveIntegerField(
                        db_default=0,
                        default=0,
                        editable=False,
                        help_text="How many times the file was replaced.",
                        verbose_name="file version",
                    ),
                ),
            ],
            options={
                "verbose_name": "image",
                "verbose_name_plural": "images",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("source_type", "source_field", "source_id"), name="image_asset_source_unique"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CoOwner",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "asset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="co_owners",
                        to="hashing.imageasset",
                        verbose_name="image",
                    ),
                ),
                ("source_type", models.CharField(max_length=255, verbose_name="source")),
                ("source_id", models.CharField(max_length=255, verbose_name="source key")),
                ("source_field", models.CharField(max_length=255, verbose_name="source field")),
            ],
            options={
                "verbose_name": "co-owner",
                "verbose_name_plural": "co-owners",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("source_type", "source_field", "source_id"), name="co_owner_source_unique"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="GroupingRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("max_distance", models.PositiveSmallIntegerField(verbose_name="largest distance")),
                ("any_orientation", models.BooleanField(default=False, verbose_name="in any orientation")),
                ("exact_bytes", models.BooleanField(default=False, verbose_name="equal files only")),
                ("sources", models.JSONField(default=list, verbose_name="sources")),
                ("finished_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="finished at")),
            ],
            options={
                "verbose_name": "search for duplicates",
                "verbose_name_plural": "searches for duplicates",
            },
        ),
        migrations.CreateModel(
            name="DuplicateGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "keeper",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="kept_group",
                        to="hashing.imageasset",
                        verbose_name="keeper",
                    ),
                ),
                ("size", models.PositiveIntegerField(help_text="Including the keeper.", verbose_name="images")),
                ("open_count", models.PositiveIntegerField(verbose_name="undecided images")),
                (
                    "open_bytes",
                    models.PositiveBigIntegerField(
                        default=0,
                        help_text="What deleting the undecided images would free.",
                        verbose_name="undecided bytes",
                    ),
                ),
                (
                    "max_distance",
                    models.PositiveSmallIntegerField(
                        help_text="Between the keeper and one of its images.", verbose_name="largest distance"
                    ),
                ),
                ("found_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="found at")),
                ("keeper_name", models.CharField(default="", max_length=500, verbose_name="name of the keeper")),
            ],
            options={
                "verbose_name": "group of duplicates",
                "verbose_name_plural": "groups of duplicates",
            },
        ),
        migrations.CreateModel(
            name="GroupMember",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="members", to="hashing.duplicategroup"
                    ),
                ),
                (
                    "asset",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="membership", to="hashing.imageasset"
                    ),
                ),
                ("position", models.PositiveIntegerField(verbose_name="position")),
                ("distance", models.PositiveSmallIntegerField(verbose_name="distance to the keeper")),
                (
                    "orientation",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (1, "upright"),
                            (2, "mirrored"),
                            (3, "turned by 180°"),
                            (4, "flipped"),
                            (5, "turned right, mirrored"),
                            (6, "turned right"),
                            (7, "turned left, mirrored"),
                            (8, "turned left"),
                        ],
                        default=1,
                        verbose_name="orientation",
                    ),
                ),
                ("framing", models.PositiveSmallIntegerField(default=0, verbose_name="framing")),
                (
                    "is_same",
                    models.BooleanField(
                        default=False,
                        help_text="Decided by an editor. Always true for the keeper.",
                        verbose_name="is the same",
                    ),
                ),
                ("name", models.CharField(default="", max_length=500, verbose_name="name of the file")),
            ],
            options={
                "verbose_name": "image of a group",
                "verbose_name_plural": "images of groups",
                "constraints": [
                    models.UniqueConstraint(fields=("group", "position"), name="group_member_position_uniq")
                ],
            },
        ),
        migrations.CreateModel(
            name="PairDecision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "lower",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="hashing.imageasset",
                        verbose_name="first image",
                    ),
                ),
                (
                    "higher",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="hashing.imageasset",
                        verbose_name="second image",
                    ),
                ),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("same", "the same"),
                            ("different", "not the same"),
                            ("related", "belong together"),
                        ],
                        max_length=9,
                        verbose_name="verdict",
                    ),
                ),
                (
                    "duplicate",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        help_text="The one of the two that is not kept; empty if they are not the same.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="marks",
                        to="hashing.imageasset",
                        verbose_name="marked as duplicate",
                    ),
                ),
                ("lower_file", models.CharField(max_length=500, verbose_name="file of the first image")),
                ("higher_file", models.CharField(max_length=500, verbose_name="file of the second image")),
                (
                    "decided_by",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="decided by",
                    ),
                ),
                ("decided_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="decided at")),
                (
                    "batch",
                    models.UUIDField(
                        db_index=True,
                        help_text="Identifies the decisions made by one click.",
                        verbose_name="decided together",
                    ),
                ),
                (
                    "superseded_by",
                    models.UUIDField(
                        blank=True,
                        db_index=True,
                        help_text="The later click, if there is one.",
                        null=True,
                        verbose_name="superseded by",
                    ),
                ),
            ],
            options={
                "verbose_name": "decision on a pair",
                "verbose_name_plural": "decisions on pairs",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("lower__lt", models.F("higher"))), name="pair_decision_order_check"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("superseded_by__isnull", True)),
                        fields=("lower", "higher"),
                        name="pair_decision_current_uniq",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MarkedDuplicate",
            fields=[],
            options={
                "verbose_name": "marked duplicate",
                "verbose_name_plural": "marked duplicates",
                "proxy": True,
            },
            bases=("hashing.imageasset",),
        ),
        migrations.CreateModel(
            name="GroupViewer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("keeper_pk", models.PositiveBigIntegerField(verbose_name="keeper")),
                ("seen_at", models.DateTimeField(verbose_name="seen at")),
                (
                    "user",
                    models.OneToOneField(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "viewer of a group",
                "verbose_name_plural": "viewers of groups",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="DeletionRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("user_pk", models.CharField(max_length=255, verbose_name="user")),
                ("site_name", models.CharField(max_length=255, verbose_name="admin site")),
                ("model_label", models.CharField(max_length=255, verbose_name="model")),
                ("job", models.JSONField(verbose_name="job")),
                ("total", models.PositiveIntegerField(verbose_name="images")),
                ("done", models.PositiveIntegerField(default=0, verbose_name="done")),
                ("is_stopping", models.BooleanField(default=False, verbose_name="is to be stopped")),
                ("error", models.TextField(blank=True, verbose_name="reason for ending early")),
                ("queued_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="queued at")),
                ("heartbeat_at", models.DateTimeField(null=True, verbose_name="last heartbeat")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended at")),
            ],
            options={
                "verbose_name": "deletion in the background",
                "verbose_name_plural": "deletions in the background",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="BackfillRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("worker", models.CharField(help_text="Machine and process.", max_length=255, verbose_name="worker")),
                ("model_label", models.CharField(max_length=255, verbose_name="model")),
                (
                    "batch_id",
                    models.CharField(
                        blank=True, help_text="Common to the shards of one list.", max_length=32, verbose_name="batch"
                    ),
                ),
                ("shard_number", models.PositiveIntegerField(null=True, verbose_name="shard number")),
                ("start_pk", models.CharField(blank=True, max_length=255, verbose_name="first key")),
                ("end_pk", models.CharField(blank=True, max_length=255, verbose_name="last key")),
                ("total", models.PositiveBigIntegerField(verbose_name="images")),
                ("processed", models.PositiveBigIntegerField(default=0, verbose_name="hashed")),
                ("failed", models.PositiveBigIntegerField(default=0, verbose_name="failed")),
                ("started_at", models.DateTimeField(verbose_name="started at")),
                ("heartbeat_at", models.DateTimeField(verbose_name="last heartbeat")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended at")),
                ("stopped", models.TextField(blank=True, verbose_name="reason for stopping early")),
            ],
            options={
                "verbose_name": "backfill run",
                "verbose_name_plural": "backfill runs",
                "default_permissions": (),
            },
        ),
    ]
