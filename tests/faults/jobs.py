"""The jobs of the admin that delete and decide about many images, in batches of one.

Each makes its rows and files if there are none, and does the rest of its work.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from uuid import UUID, uuid4

from django.contrib.admin import site
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.http import HttpRequest

from hashing.admin.deletion import tasks, views
from hashing.admin.deletion.job import DeletionJob
from hashing.admin.review.identical_files import services
from hashing.admin.review.identical_files.job import IdenticalFilesJob
from hashing.admin.visibility import ImageAccess
from hashing.grouping import find_duplicates
from hashing.models import DeletionRun, DuplicateGroup, GroupMember, ImageAsset, MarkedDuplicate, PairDecision

GROUPS = 30
BATCH = UUID(int=1)


def add_images(names: list[str]) -> list[ImageAsset]:
    """Add images with files, those with the same number as copies of one another."""
    rows = []
    for name in names:
        content = name.partition("-")[0].encode()
        row = ImageAsset(image=name, file_size=len(content), file_digest=hashlib.sha256(content).hexdigest())
        row.perceptual_hash = row.vertical_hash = f"{int(content):016x}"
        row.detail_hash, row.hash_quality, row.hash_version = "0" * 64, 0, 1
        row.image.storage.save(name, ContentFile(content))
        rows.append(row)
    return ImageAsset.objects.bulk_create(rows)


def mark(duplicate: ImageAsset, other: ImageAsset) -> PairDecision:
    lower, higher = sorted((duplicate, other), key=lambda row: row.pk)
    names = {"lower_file": lower.image.name, "higher_file": higher.image.name}
    ends = {"lower": lower, "higher": higher, "duplicate": duplicate}
    return PairDecision(**ends, **names, verdict=PairDecision.Verdict.SAME, batch=uuid4())


def chains_of(rows: list[ImageAsset]) -> Iterator[PairDecision]:
    """Mark the images of each group as a chain up to its last image, which is kept, and one beside it."""
    for at in range(0, len(rows), 4):
        end, middle, beside, kept = rows[at : at + 4]
        yield from (mark(end, middle), mark(middle, kept), mark(beside, kept))


def delete() -> None:
    views.BATCH, tasks.SECONDS_BETWEEN_WRITES = 1, 0.0
    if not DeletionRun.objects.exists():
        rows = add_images([f"{number}-{copy}.png" for number in range(GROUPS) for copy in range(4)])
        # The middle of each chain is deleted before its end.
        rows = [rows[at + place] for at in range(0, len(rows), 4) for place in (1, 0, 2, 3)]
        PairDecision.objects.bulk_create(chains_of(rows))
        user = User.objects.create_superuser("editor")
        job = DeletionJob.of(MarkedDuplicate.objects.values_list("pk", flat=True))
        values = {"user_pk": user.pk, "site_name": "admin", "model_label": "hashing.MarkedDuplicate"}
        DeletionRun.objects.create(job=job.as_values(), total=job.total, **values)
    # As the button does with which a lost run is continued.
    DeletionRun.objects.update(heartbeat_at=None)
    tasks.work_off(DeletionRun.objects.get().pk)


def keep_equal_files() -> None:
    services.MAX_GROUPS = 1
    if not DuplicateGroup.objects.exists():
        add_images([f"{number}-{copy}.png" for number in range(GROUPS) for copy in range(3)])
        find_duplicates()
        User.objects.create_superuser("editor")
    request = HttpRequest()
    request.user = User.objects.get()
    access = ImageAccess(request, site)
    last_group, last_member = (model.objects.latest("pk").pk for model in (DuplicateGroup, GroupMember))
    job = IdenticalFilesJob(GROUPS, last_group, last_member, batch=str(BATCH))
    services.keep_identical(job, DuplicateGroup.objects.all(), access, seconds=600)
    sys.stdout.write(f"{job.groups} {job.images} {job.left}")
