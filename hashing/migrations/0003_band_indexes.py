from django.db import migrations, models

from hashing.migrations._online_index import AddIndexOnline

QUALITY = models.Func(
    models.F("hash_quality"), template="COALESCE(%(expressions)s, 100)", output_field=models.IntegerField()
)


def add_band_index(number: int, field: str, *substrings: tuple[int, int]) -> AddIndexOnline:
    text = " || ".join(f"SUBSTR(%(expressions)s, {start}, {length})" for start, length in substrings)
    bits = 4 * sum(length for _, length in substrings)

    def index(template: str) -> models.Index:
        band = models.Func(models.F(field), template=template, output_field=models.TextField())
        return models.Index(band, QUALITY, name=f"image_asset_band{number}_idx")

    return AddIndexOnline("imageasset", index(f"({text})"), postgresql=index(f"(('x' || {text})::bit({bits})::int)"))


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("hashing", "0002_admin_indexes"),
    ]

    operations = [
        add_band_index(1, "perceptual_hash", (1, 1), (6, 2), (12, 2)),
        add_band_index(2, "perceptual_hash", (2, 2), (8, 2), (14, 1)),
        add_band_index(3, "perceptual_hash", (4, 2), (10, 2), (15, 2)),
        add_band_index(4, "vertical_hash", (1, 1), (6, 2), (12, 2)),
        add_band_index(5, "vertical_hash", (2, 2), (8, 2), (14, 1)),
        add_band_index(6, "vertical_hash", (4, 2), (10, 2), (15, 2)),
    ]
