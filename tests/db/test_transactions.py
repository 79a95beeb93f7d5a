from __future__ import annotations

import pytest

# Django logs what fails after a commit.
UPLOADS = """
import logging
from django.core.files.base import ContentFile
from hashing.models import ImageAsset
from samples.pictures import encoded, photo

logging.getLogger("django.db.backends.base").addHandler(logging.StreamHandler())
content = encoded(photo(seed=1, size=(96, 72)), "PNG")
for number in range(40):
    ImageAsset.objects.create(image=ContentFile(content, f"{number}.png"))
"""


@pytest.mark.slow
def test_uploads_of_two_processes_are_grouped_with_deferred_transactions(site):
    if not site.url.startswith("sqlite"):
        pytest.skip("SQLite is the database that has one writer.")
    site.environment["DATABASE_URL"] += "?transaction_mode=DEFERRED"
    processes = [site.start("shell", "-v", "0", "-c", UPLOADS) for _ in range(2)]
    for process in processes:
        _out, err = process.communicate(timeout=90)
        assert (process.returncode, err) == (0, "")
    [(size,)] = site.rows("size", table="hashing_duplicategroup")
    assert size == 80
