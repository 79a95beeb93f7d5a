"""Save rows of a source, decide about duplicates and delete users on a site with `separate_settings`."""

from __future__ import annotations

import io
import sys
from typing import Any

import django


def main() -> None:
    from django.contrib.auth.models import User
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.core.management import call_command
    from django.db import connections
    from django.test import Client
    from django.test.utils import setup_test_environment
    from django.urls import reverse

    from hashing.grouping.decisions import decide_same
    from hashing.models import DuplicateGroup, ImageAsset, MarkedDuplicate
    from samples.pictures import photo
    from tests.site_models.models import Picture

    setup_test_environment()
    assert "auth_user" not in connections["images"].introspection.table_names()
    assert not any(name.startswith("hashing") for name in connections["default"].introspection.table_names())

    buffer = io.BytesIO()
    photo(size=(320, 240)).save(buffer, "JPEG")
    for name in ("saved.jpg", "copy.jpg", "third.jpg"):
        Picture.objects.create(image=SimpleUploadedFile(name, buffer.getvalue()))
    assert ImageAsset.objects.hashed().count() == 3
    Picture.objects.bulk_create([Picture(image="pictures/third.jpg")])
    call_command("backfill_hashes", workers=1)
    call_command("find_duplicates")
    assert DuplicateGroup.objects.get().size == 3
    visitor = User.objects.create_superuser("visitor")
    group = DuplicateGroup.objects.get()
    decide_same(group, [group.members.latest("position").asset_id], visitor.pk)
    assert MarkedDuplicate.objects.count() == 1

    client = Client()
    client.force_login(User.objects.create_superuser("other"))
    decisions = reverse("admin:hashing_pairdecision_changelist")
    assert ">visitor<" in client.get(f"{decisions}?o=4", secure=True).text
    # Deleting a user makes no query in the other database.
    User.objects.get(username="visitor").delete()
    assert ">Somebody<" in client.get(f"{decisions}?o=4", secure=True).text

    delete_both_owners_or_none()
    Picture.objects.all().delete()
    assert not ImageAsset.objects.filter(source_type="site_models.Picture").exists()
    sys.stdout.write("Every step works.\n")


def delete_both_owners_or_none() -> None:
    """Keep both owners of an image if one of them is protected, and delete both if not."""
    from django.contrib import admin
    from django.contrib.auth.models import User
    from django.db.models import ProtectedError
    from django.test import RequestFactory

    from hashing.admin.deletion.merging import Merging, Refusal
    from hashing.models import CoOwner
    from hashing.sources import ImageSource, register, unregister
    from tests.site_models.models import Picture

    asset = CoOwner.objects.get().asset
    protected = Picture.objects.get(pk=asset.co_owners.get().source_id)
    label = "site_models.Picture.image"

    @register(label)
    class OneProtected(ImageSource):
        def merge(self, keeper: Any, duplicate: Any, user: Any) -> None:
            if duplicate == protected:
                raise ProtectedError("An article shows it.", {duplicate})
            duplicate.delete()

    request = RequestFactory().post("/")
    request.user = User.objects.get(username="other")
    owners = Picture.objects.filter(image=asset.image.name)
    try:
        Merging([asset], {asset.pk: None}, request, admin.site, "images").merge(asset)
    except Refusal:
        assert owners.count() == 2
    else:
        raise AssertionError("The deletion was not refused.")
    unregister(label)
    Merging([asset], {asset.pk: None}, request, admin.site, "images").merge(asset)
    assert owners.count() == 0


if __name__ == "__main__":
    django.setup()
    main()
