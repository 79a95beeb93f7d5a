from django.db import migrations, models

from hashing.migrations._online_index import AddIndexOnline

QUALITY = models.Func(
    models.F("hash_quality"), template="COALESCE(%(expressions)s, 100)", output_field=models.IntegerField()
)
BASE_NAME = (
    "SUBSTR(%(expressions)s, LENGTH(RTRIM(%(expressions)s, REPLACE(REPLACE(%(expressions)s, '/', ''), '\\', ''))) + 1)"
)


def add_band_index(number: int, field: str, *substrings: tuple[int, int]) -> AddIndexOnline:
    text = " || ".join(f"SUBSTR(%(expressions)s, {start}, {length})" for start, length in substrings)
    bits = 4 * sum(length for _, length in substrings)

    def index(template: str) -> models.Index:
        band = models.Func(models.F(field), template=template, output_field=models.TextField())
        return models.Index(band, QUALITY, name=f"image_asset_band{number}_idx")

    return AddIndexOnline("imageasset", index(f"({text})"), postgresql=index(f"(('x' || {text})::bit({bits})::int)"))


def add_inside_index(number: int, perceptual_mask: int, vertical_mask: int) -> AddIndexOnline:
    band = models.Func(
        models.F("inside_perceptual_hash"),
        models.F("inside_vertical_hash"),
        template=f"((%(expressions)s & {vertical_mask}))",
        arg_joiner=f" & {perceptual_mask}) | (",
        output_field=models.BigIntegerField(),
    )
    has_inside = models.Q(inside_quality__isnull=False)
    return AddIndexOnline(
        "imageasset", models.Index(band, condition=has_inside, name=f"image_asset_inside{number}_idx")
    )


def base_name_index(template: str) -> models.Index:
    name = models.Func("image", template=template, output_field=models.TextField())
    return models.Index(name, name="image_asset_base_name_idx")


class Migration(migrations.Migration):
    # An index cannot be created concurrently inside a transaction.
    atomic = False

    dependencies = [("hashing", "0001_initial")]

    operations = [
        AddIndexOnline("imageasset", models.Index(fields=["perceptual_hash"], name="image_asset_phash_idx")),
        AddIndexOnline("imageasset", models.Index(fields=["file_digest"], name="image_asset_digest_idx")),
        AddIndexOnline("imageasset", models.Index(fields=["image"], name="image_asset_image_idx")),
        AddIndexOnline(
            "imageasset",
            models.Index(
                fields=["id"], condition=models.Q(perceptual_hash__isnull=True), name="image_asset_unhashed_idx"
            ),
        ),
        AddIndexOnline(
            "imageasset",
            models.Index(fields=["id"], condition=~models.Q(hash_error=""), name="image_asset_failed_idx"),
        ),
        AddIndexOnline(
            "imageasset",
            base_name_index(f"LOWER({BASE_NAME})"),
            postgresql=base_name_index(f'LOWER({BASE_NAME} COLLATE "C")'),
        ),
        AddIndexOnline("imageasset", models.Index(fields=["file_size"], name="image_asset_file_size_idx")),
        AddIndexOnline("imageasset", models.Index(fields=["created_at"], name="image_asset_created_idx")),
        AddIndexOnline("imageasset", models.Index(fields=["hashed_at"], name="image_asset_hashed_at_idx")),
        AddIndexOnline("imageasset", models.Index(fields=["hash_version"], name="image_asset_version_idx")),
        add_band_index(1, "perceptual_hash", (1, 1), (6, 2), (12, 2)),
        add_band_index(2, "perceptual_hash", (2, 2), (8, 2), (14, 1)),
        add_band_index(3, "perceptual_hash", (4, 2), (10, 2), (15, 2)),
        add_band_index(4, "vertical_hash", (1, 1), (6, 2), (12, 2)),
        add_band_index(5, "vertical_hash", (2, 2), (8, 2), (14, 1)),
        add_band_index(6, "vertical_hash", (4, 2), (10, 2), (15, 2)),
        add_inside_index(1, 0x0040201008040201, 0x0804020100804020),
        add_inside_index(2, 0x0080402010080402, 0x1008040201008040),
        add_inside_index(3, 0x0100804020100804, 0x2010080402010080),
        add_inside_index(4, 0x0201008040201008, 0x4020100804020100),
        add_inside_index(5, 0x0402010080402010, 0x0040201008040201),
        add_inside_index(6, 0x0804020100804020, 0x0080402010080402),
        add_inside_index(7, 0x1008040201008040, 0x0100804020100804),
        add_inside_index(8, 0x2010080402010080, 0x0201008040201008),
        AddIndexOnline(
            "duplicategroup",
            models.Index(fields=["id"], condition=models.Q(open_count__gt=0), name="duplicate_group_open_idx"),
        ),
        AddIndexOnline(
            "duplicategroup",
            models.Index(
                fields=["-open_bytes", "open_count"],
                condition=models.Q(open_count__gt=0),
                name="duplicate_group_bytes_idx",
            ),
        ),
        AddIndexOnline("duplicategroup", models.Index(fields=["max_distance"], name="duplicate_group_distance_idx")),
        AddIndexOnline("duplicategroup", models.Index(fields=["size"], name="duplicate_group_size_idx")),
        AddIndexOnline(
            "duplicategroup", models.Index(fields=["keeper_name", "keeper"], name="duplicate_group_name_idx")
        ),
        AddIndexOnline("pairdecision", models.Index(fields=["decided_by", "id"], name="pair_decision_last_idx")),
        AddIndexOnline(
            "pairdecision", models.Index(fields=["decided_by", "decided_at"], name="pair_decision_today_idx")
        ),
        AddIndexOnline(
            "pairdecision",
            models.Index(
                fields=["duplicate"],
                condition=models.Q(superseded_by__isnull=True, duplicate__isnull=False),
                name="pair_decision_duplicate_idx",
            ),
        ),
        AddIndexOnline("backfillrun", models.Index(fields=["heartbeat_at"], name="backfill_run_heartbeat_idx")),
        AddIndexOnline("backfillrun", models.Index(fields=["batch_id"], name="backfill_run_batch_idx")),
    ]
