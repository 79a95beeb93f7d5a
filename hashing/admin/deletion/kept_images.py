"""What stays in place of marked duplicates, and who decided that."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.utils.translation import gettext as _

from hashing.admin.visibility import ImageAccess
from hashing.grouping.deletion import find_kept
from hashing.grouping.ranking import explain_keeper
from hashing.models import ImageAsset, PairDecision


@dataclass(frozen=True)
class KeptImage:
    """The image that is kept in place of a duplicate, and the decision that marks the duplicate."""

    asset: ImageAsset
    decision: PairDecision

    @property
    def decided_by(self) -> str:
        person = self.decision.decided_by
        return str(person.get_username() if person else _("Somebody"))

    def reason(self, duplicate: ImageAsset) -> str:
        """Return why this image and not the duplicate is kept, as far as their files tell: empty without an answer."""
        return explain_keeper(self.asset, [duplicate]).text


def find_kept_images(keys: Collection[int], access: ImageAccess, using: str) -> dict[int, KeptImage]:
    """Return what is kept in place of each marked duplicate, by its key, where the user may see it.

    That may be a duplicate of another image itself, whose keeper is shown then, if the user may see that.
    """
    marks = PairDecision.objects.using(using).in_force().filter(duplicate__in=keys).order_by("pk").with_users()
    decisions = {mark.duplicate_id: mark for mark in access.limit(marks, "lower", "higher") if mark.duplicate_id}
    parents = {key: mark.lower_id + mark.higher_id - key for key, mark in decisions.items()}
    kept = find_kept(decisions, using)
    assets = access.images.using(using).in_bulk(list({*parents.values(), *kept.values()}))
    images = {key: assets.get(kept.get(key, parent), assets.get(parent)) for key, parent in parents.items()}
    return {key: KeptImage(asset, decisions[key]) for key, asset in images.items() if asset}
