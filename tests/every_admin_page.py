"""Open every page that the app has in the admin of a site, and upload an image: `python every_admin_page.py IMAGE`.

It runs in the site's own process and needs nothing of the checkout, so that a test can copy it into any project.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import django


def main(picture: Path) -> None:
    from django.contrib.auth import get_user_model
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.test import Client
    from django.test.utils import setup_test_environment
    from django.urls import reverse

    setup_test_environment()

    user = get_user_model().objects.create_superuser("visitor", password="visitor")
    client = Client()
    client.force_login(user)
    arrange_rows(user)
    opened = 0
    for address in addresses():
        response = client.get(address, secure=True, follow=True)
        # Some addresses need parameters, some are not for GET, and not every model can be added or changed.
        allowed = {200} if "?" in address else {200, 400, 403, 405}
        assert response.status_code in allowed, (address, response.status_code)
        opened += response.status_code == 200
    assert opened > 20, opened
    upload = SimpleUploadedFile(picture.name, picture.read_bytes())
    response = client.post(reverse("admin:hashing_imageasset_add"), {"image": upload}, secure=True, follow=True)
    assert "seems to be here already" in response.text, response.text
    upload.seek(0)
    address = reverse("admin:hashing_imageasset_search_by_picture")
    response = client.post(address, {"picture": upload}, secure=True, follow=True)
    assert response.status_code == 200
    sys.stdout.write("Every page opens.\n")


def arrange_rows(user: Any) -> None:
    """A marked duplicate, and a run of the backfill under way: pages of their own show these."""
    from hashing.models import BackfillRun, GroupMember, PairDecision

    group = GroupMember.objects.order_by("pk").first().group_id
    lower, higher = sorted(GroupMember.objects.filter(group=group).values_list("asset", flat=True))[:2]
    PairDecision.objects.create(
        lower_id=lower,
        higher_id=higher,
        verdict="same",
        duplicate_id=higher,
        lower_file=GroupMember.objects.get(asset=lower).asset.image.name,
        higher_file=GroupMember.objects.get(asset=higher).asset.image.name,
        decided_by_id=user.pk,
        batch=uuid.uuid4(),
    )
    assert BackfillRun.objects.update(ended_at=None)
    assert BackfillRun.objects.alive().exists()
    # Django's own clock and that of the database say the same.
    from django.utils import timezone

    latest = BackfillRun.objects.latest("started_at")
    assert timedelta(minutes=-5) < timezone.now() - latest.started_at < timedelta(minutes=5), latest.started_at


def addresses() -> Iterator[str]:
    from django.contrib import admin
    from django.urls import reverse

    from hashing.models import GroupMember

    first, second = GroupMember.objects.values_list("asset", flat=True)[:2]
    values = {"pk": first, "side": 160, "first": first, "second": second}
    for model, model_admin in admin.site._registry.items():
        if model._meta.app_label != "hashing":
            continue
        key = model._default_manager.values_list("pk", flat=True).first()
        for pattern in model_admin.get_urls():
            if pattern.name:
                needed = {name: (values | {"object_id": key})[name] for name in pattern.pattern.converters}
                yield reverse(f"admin:{pattern.name}", kwargs=needed)
        yield from lists(reverse(f"admin:hashing_{model._meta.model_name}_changelist"))


def lists(address: str) -> Iterator[str]:
    """The list of a model, searched and filtered."""
    yield address
    if "imageasset" in address:
        yield from (f"{address}?{query}" for query in ("q=jpg", "q=1", "state=hashed", "state=failed", "o=6"))
        yield f"{address}?created_at__gte=2020-01-01&created_at__lt=2100-01-01"


if __name__ == "__main__":
    django.setup()
    main(Path(sys.argv[1]))
