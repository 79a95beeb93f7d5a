from django.db import migrations, models

from hashing.search.bands import Band, SearchQuality
from hashing.search.index_operation import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("hashing", "0002_admin_indexes"),
    ]

    operations = [
        AddIndexOnline(
            model_name="imageasset",
            index=models.Index(Band("perceptual_hash", 1, 5), SearchQuality(), name="image_asset_band1_idx"),
        ),
        AddIndexOnline(
            model_name="imageasset",
            index=models.Index(Band("perceptual_hash", 6, 5), SearchQuality(), name="image_asset_band2_idx"),
        ),
        AddIndexOnline(
            model_name="imageasset",
            index=models.Index(Band("perceptual_hash", 11, 6), SearchQuality(), name="image_asset_band3_idx"),
        ),
    ]
