import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("hashing", "0003_band_indexes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
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
            name="MarkedDuplicate",
            fields=[],
            options={
                "verbose_name": "marked duplicate",
                "verbose_name_plural": "marked duplicates",
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("hashing.imageasset",),
        ),
        migrations.CreateModel(
            name="DuplicateGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("size", models.PositiveIntegerField(help_text="Including the keeper.", verbose_name="images")),
                ("open_count", models.PositiveIntegerField(verbose_name="undecided images")),
                (
                    "max_distance",
                    models.PositiveSmallIntegerField(
                        help_text="Between the keeper and one of its images.", verbose_name="largest distance"
                    ),
                ),
                ("found_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="found at")),
                (
                    "keeper",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="kept_group",
                        to="hashing.imageasset",
                        verbose_name="keeper",
                    ),
                ),
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
                (
                    "is_same",
                    models.BooleanField(
                        default=False,
                        help_text="Decided by an editor. Always true for the keeper.",
                        verbose_name="is the same",
                    ),
                ),
                (
                    "asset",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="membership", to="hashing.imageasset"
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="members", to="hashing.duplicategroup"
                    ),
                ),
            ],
            options={
                "verbose_name": "image of a group",
                "verbose_name_plural": "images of groups",
            },
        ),
        migrations.CreateModel(
            name="PairDecision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "verdict",
                    models.CharField(
                        choices=[("same", "the same"), ("different", "not the same")],
                        max_length=9,
                        verbose_name="verdict",
                    ),
                ),
                ("lower_file", models.CharField(max_length=500, verbose_name="file of the first image")),
                ("higher_file", models.CharField(max_length=500, verbose_name="file of the second image")),
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
                (
                    "duplicate",
                    models.ForeignKey(
                        blank=True,
                        help_text="The one of the two that is not kept; empty if they are not the same.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="hashing.imageasset",
                        verbose_name="marked as duplicate",
                    ),
                ),
                (
                    "higher",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="hashing.imageasset",
                        verbose_name="second image",
                    ),
                ),
                (
                    "lower",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="hashing.imageasset",
                        verbose_name="first image",
                    ),
                ),
            ],
            options={
                "verbose_name": "decision on a pair",
                "verbose_name_plural": "decisions on pairs",
            },
        ),
        migrations.AddIndex(
            model_name="duplicategroup",
            index=models.Index(
                condition=models.Q(("open_count__gt", 0)), fields=["id"], name="duplicate_group_open_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="duplicategroup",
            index=models.Index(fields=["max_distance"], name="duplicate_group_distance_idx"),
        ),
        migrations.AddIndex(
            model_name="duplicategroup",
            index=models.Index(fields=["size"], name="duplicate_group_size_idx"),
        ),
        migrations.AddConstraint(
            model_name="groupmember",
            constraint=models.UniqueConstraint(fields=("group", "position"), name="group_member_position_uniq"),
        ),
        migrations.AddIndex(
            model_name="pairdecision",
            index=models.Index(fields=["decided_by", "id"], name="pair_decision_last_idx"),
        ),
        migrations.AddConstraint(
            model_name="pairdecision",
            constraint=models.CheckConstraint(
                condition=models.Q(("lower__lt", models.F("higher"))), name="pair_decision_order_check"
            ),
        ),
        migrations.AddConstraint(
            model_name="pairdecision",
            constraint=models.UniqueConstraint(
                condition=models.Q(("superseded_by__isnull", True)),
                fields=("lower", "higher"),
                name="pair_decision_current_uniq",
            ),
        ),
    ]
