"""Fill a site with the pictures of a folder, most of them in rows of a source, and use all pages of its admin.

`DJANGO_SETTINGS_MODULE=... python -m tests.projects.walk_site FOLDER [NAME OF THE ADMIN SITE]`
"""

from __future__ import annotations

import sys
from pathlib import Path

import django


def main(folder: Path, site_name: str) -> None:
    from django.core.files import File
    from django.core.management import call_command
    from django.db import connections, router

    from hashing.models import ImageAsset
    from tests.projects.walk.__main__ import main as walk
    from tests.site_models.models import Photo

    call_command("check", fail_level="ERROR")
    for alias in connections:
        if alias != "replica":
            call_command("migrate", database=alias, run_syncdb=True, verbosity=0)
    pictures = sorted(folder.glob("*.jpg"))
    photos = [Photo(title=path.stem, original=File(path.open("rb"), path.name)) for path in pictures[:-3]]
    Photo.objects.bulk_create(photos)
    call_command("sync_sources")
    # These come last in the review, which is ordered by key.
    assets = [ImageAsset(image=File(path.open("rb"), path.name)) for path in pictures[-3:]]
    ImageAsset.objects.bulk_create(assets)
    call_command("backfill_hashes", "--no-progress", workers=1)
    call_command("backfill_hashes", "--no-progress", "--rehash", "--enqueue", workers=1)
    call_command("find_duplicates", "--no-progress")
    walk(pictures[0], site_name)
    # The row of the source was deleted with the duplicate.
    assert Photo._base_manager.using(router.db_for_write(Photo)).count() == len(photos) - 1


if __name__ == "__main__":
    django.setup()
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "admin")
