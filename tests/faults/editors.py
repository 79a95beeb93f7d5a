from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import OperationalError, transaction

from hashing.grouping.decision_log import DecisionRefused
from hashing.grouping.decisions import decide_different, decide_related, decide_same, keep
from hashing.models import GroupMember, ImageAsset, PairDecision
from tests.faults.library import picture

SERIALIZATION_FAILURE = "40001"
DECIDE = (decide_different, decide_related, decide_same, keep)


class Editors:
    """Replace and delete uploaded images, and decide about those whose names begin with "stable"."""

    def __init__(self, dice: random.Random, report: Callable[..., None]) -> None:
        self._dice, self._report = dice, report
        self._user, _ = User.objects.get_or_create(username=f"editor-{dice.random()}")

    def do_something(self) -> None:
        act = self._dice.choice([self._add, self._replace, self._delete, self._decide, self._save_unchanged])
        # Another process may have deleted the image meanwhile.
        with suppress(ImageAsset.DoesNotExist):
            try:
                act()
            except OperationalError as error:
                # With serializable transactions, a site has to retry on its own.
                if getattr(error.__cause__, "sqlstate", "") != SERIALIZATION_FAILURE:
                    raise

    def _add(self) -> None:
        asset = ImageAsset.objects.create(image=self._file())
        self._report("added", asset.pk)

    def _replace(self) -> None:
        if asset := self._any_upload():
            asset.image = self._file()
            asset.save()
            self._report("replaced", asset.pk)

    def _delete(self) -> None:
        if asset := self._any_upload():
            asset.delete()
            self._report("deleted", asset.pk)

    def _save_unchanged(self) -> None:
        if asset := self._any_upload():
            asset.save()

    def _decide(self) -> None:
        members = GroupMember.objects.select_related("group")
        stable = {"asset__image__startswith": "stable", "group__keeper__image__startswith": "stable"}
        if not (members := list(members.filter(**stable)[:50])):
            return
        member = self._dice.choice(members)
        try:
            with transaction.atomic():
                batch = self._dice.choice(DECIDE)(member.group, [member.asset_id], self._user.pk)
        except DecisionRefused:
            return
        for decision in PairDecision.objects.filter(batch=batch):
            self._report("decided", batch, decision.lower_id, decision.higher_id, decision.verdict)

    def _any_upload(self) -> ImageAsset | None:
        keys = list(ImageAsset.objects.filter(image__startswith="images/").values_list("pk", flat=True))
        return ImageAsset.objects.get(pk=self._dice.choice(keys)) if keys else None

    def _file(self) -> ContentFile[bytes]:
        content = picture(seed=self._dice.randrange(12), copy=self._dice.randrange(4))
        return ContentFile(content, name=f"{self._dice.random()}.png")
