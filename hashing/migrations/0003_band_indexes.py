from django.db import migrations, models

from hashing.db.online_index import AddIndexOnline
from hashing.search.bands import BandValue, SearchQuality


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("hashing", "0002_admin_indexes"),
    ]

    operations = [
        AddIndexOnline(
            model_name="imageasset",
            index=models.Index(
                BandValue("perceptual_hash", (1, 1), (6, 2), (12, 2)), SearchQuality(), name="image_asset_band1_idx"
            ),
        ),
        AddIndexOnline(
            model_name="imageasset",
            index=models.Index(
                BandValue("perceptual_hash", (2, 2), (8, 2), (14, 1)), SearchQuality(), name="image_asset_band2_idx"
            ),
        ),
        AddIndexOnline(
            model_name="imageasset",
            index=models.Index(
                BandValue("perceptual_hash", (4, 2), (10, 2), (15, 2)), SearchQuality(), name="image_asset_band3_idx"
            ),
        ),
        AddIndexOnline(
            model_name="imageasset",
            index=models.Index(
                BandValue("vertical_hash", (1, 1), (6, 2), (12, 2)), SearchQuality(), name="image_asset_band4_idx"
            ),
        ),
        AddIndexOnline(
            model_name="imageasset",
            index=models.Index(
                BandValue("vertical_hash", (2, 2), (8, 2), (14, 1)), SearchQuality(), name="image_asset_band5_idx"
            ),
        ),
        AddIndexOnline(
            model_name="imageasset",
            index=models.Index(
                BandValue("vertical_hash", (4, 2), (10, 2), (15, 2)), SearchQuality(), name="image_asset_band6_idx"
            ),
        ),
    ]
