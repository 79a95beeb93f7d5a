"""What the buttons of a group send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import BadRequest
from django.http import QueryDict
from django.utils.translation import gettext as _

from hashing.grouping import decisions
from hashing.models import DuplicateGroup

SAME, DIFFERENT, KEEP = "same", "different", "keep"
DECIDE: dict[str, Callable[[DuplicateGroup, int, int], UUID]] = {
    SAME: decisions.decide_same,
    DIFFERENT: decisions.decide_different,
    KEEP: decisions.keep,
}
LARGEST_KEY = 2**63 - 1


@dataclass(frozen=True)
class Wish:
    """A verdict on a picture beside a keeper, in a group that was seen to have `seen` pictures.

    `last` is the highest key of its members, where all of them were seen: whatever joins later has a higher one.

    The group is named by its keeper: its own key is another one after every decision.
    """

    verdict: str
    asset_pk: int
    keeper_pk: int
    seen: int
    last: int | None = None

    @classmethod
    def of(cls, data: QueryDict) -> Wish:
        """Raises `BadRequest` for what no button sends."""
        verdicts = [verdict for verdict in DECIDE if verdict in data]
        if len(verdicts) != 1:
            raise BadRequest("one verdict is needed")
        asset_pk, keeper_pk, seen = (_number(data, name) for name in (verdicts[0], "keeper", "seen"))
        return cls(verdicts[0], asset_pk, keeper_pk, seen, _number(data, "last") if data.get("last") else None)

    def carry_out(self, group: DuplicateGroup, user_pk: Any) -> None:
        """Raises `DecisionRefused`, also when the whole group is meant and it is not as it was seen."""
        if self.verdict == KEEP and not self._is_as_seen(group):
            raise decisions.DecisionRefused(_("The group has changed in the meantime. Please look at it again."))
        DECIDE[self.verdict](group, self.asset_pk, user_pk)

    def _is_as_seen(self, group: DuplicateGroup) -> bool:
        joined = self.last is not None and group.members.filter(pk__gt=self.last).exists()
        return group.size == self.seen and not joined


def _number(data: QueryDict, name: str) -> int:
    text = data.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= LARGEST_KEY):
        raise BadRequest(f"{name} is no number")
    return int(text)
