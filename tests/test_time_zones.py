from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.pictures import photo
from tests.site import CHECKOUT, Site


def test_a_site_without_time_zones_can_do_everything(site: Site, tmp_path):
    site.environment["DJANGO_SETTINGS_MODULE"] = "tests.naive_settings"
    source = tmp_path / "pictures"
    source.mkdir()
    for number in range(3):
        photo(seed=number // 2, size=(320, 240)).save(source / f"{number}.jpg")
    for command in (["import_images", str(source)], ["backfill_hashes"], ["backfill_hashes", "--rehash", "--enqueue"]):
        done = site.run(*command)
        assert done.returncode == 0, done.stderr
    done = site.run("find_duplicates")
    assert "Groups: 1\n" in done.stdout, done.stderr
    assert "Every page opens." in open_every_page(site, source / "0.jpg")


def open_every_page(site: Site, picture: Path) -> str:
    command = [sys.executable, "-m", "tests.every_admin_page", str(picture)]
    done = subprocess.run(
        command, cwd=CHECKOUT, env=site.environment, capture_output=True, text=True, check=False, timeout=90
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
