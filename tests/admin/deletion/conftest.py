from __future__ import annotations

from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from hashing.grouping.decisions import keep
from hashing.models import DuplicateGroup, ImageAsset, PairDecision
from tests.grouping.conftest import add_hashed, group_all, stored_groups  # noqa: F401

LIST = reverse("admin:hashing_markedduplicate_changelist")


@pytest.fixture
def marked(add_image, add_hashed, group_all, superuser):  # noqa: F811
    """A keeper and two marked duplicates, which alone have files."""
    hashes = ("perceptual_hash", "vertical_hash", "detail_hash", "hash_quality")
    original = add_hashed(1)
    facts = {name: getattr(original, name) for name in hashes}
    rows = [add_image(f"{n}.jpg", width=200 - n, height=9, hash_version=1, **facts) for n in range(3)]
    ImageAsset.objects.filter(pk__in=[row.pk for row in rows]).update(file_size=rows[0].image.size)
    ImageAsset.objects.exclude(pk__in=[row.pk for row in rows]).delete()
    group_all()
    keep(DuplicateGroup.objects.get(), [rows[0].pk], User.objects.get().pk)
    return rows


def delete(client: Client, *rows: ImageAsset, confirmed: bool = True, address: str = LIST):
    data = {"action": "delete_selected", "_selected_action": [row.pk for row in rows]}
    return client.post(address, data | ({"post": "yes"} if confirmed else {}), follow=True)


def files(media) -> list[str]:
    return sorted(path.name for path in media.glob("*.jpg"))


def mark(keeper: ImageAsset, *duplicates: ImageAsset) -> None:
    """Mark the duplicates. The keeper must have the lowest key."""
    PairDecision.objects.bulk_create(
        PairDecision(
            lower=keeper,
            higher=row,
            duplicate=row,
            verdict=PairDecision.Verdict.SAME,
            lower_file=keeper.image.name,
            higher_file=row.image.name,
            batch=uuid4(),
        )
        for row in duplicates
    )


def make_chain(kept: ImageAsset, middle: ImageAsset, end: ImageAsset) -> None:
    """Mark the end as a duplicate of the middle, in place of the kept image, whose duplicate the middle is."""
    files = {"lower_file": middle.image.name, "higher_file": end.image.name}
    PairDecision.objects.filter(lower=kept, higher=end).update(lower=middle, **files)
