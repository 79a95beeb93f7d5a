"""What the buttons of the review send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import BadRequest
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _

from hashing.grouping import decisions
from hashing.grouping.decision_log import DecisionRefused, about_images, decided_since, describe
from hashing.models import DuplicateGroup
from hashing.text import parse_integer

SAME, DIFFERENT, KEEP = "same", "different", "keep"
DECIDE: dict[str, Callable[[DuplicateGroup, int, int, UUID], UUID]] = {
    SAME: decisions.decide_same,
    DIFFERENT: decisions.decide_different,
    KEEP: decisions.keep,
}


@dataclass(frozen=True)
class DecisionForm:
    """A verdict on an image beside a keeper, in a group as a page has shown it.

    The page has shown `seen` images, `undecided` of them, when `newest` was the highest key of a decision. `last` is
    the highest key of the members, where all of them were shown: a later one has a higher key. `batch` becomes the key
    of the decision, so that a form that is sent twice decides once.

    The group is named by its keeper: its own key is another one after every decision.
    """

    verdict: str
    asset_pk: int
    keeper_pk: int
    seen: int
    undecided: int
    newest: int
    batch: UUID
    last: int | None = None

    @classmethod
    def of(cls, data: QueryDict) -> DecisionForm:
        """Raises `BadRequest` for what no button sends."""
        verdicts = [verdict for verdict in DECIDE if verdict in data]
        if len(verdicts) != 1:
            raise BadRequest("one verdict is needed")
        numbers = {name: _number(data, name) for name in ("seen", "undecided", "newest")}
        return cls(
            verdict=verdicts[0],
            asset_pk=_number(data, verdicts[0]),
            keeper_pk=_number(data, "keeper"),
            batch=batch_of(data),
            last=_number(data, "last") if data.get("last") else None,
            **numbers,
        )

    @property
    def kept_pk(self) -> int | None:
        """The image that is kept in place of others, if any is."""
        return {SAME: self.keeper_pk, KEEP: self.asset_pk}.get(self.verdict)

    def refuse_conflict(self, user_pk: Any, using: str) -> None:
        """Raise `DecisionRefused` when somebody has decided about these two images since the page was shown."""
        _refuse(decided_since(self.newest, about_images(self.asset_pk, self.keeper_pk), using), user_pk)

    def apply(self, group: DuplicateGroup, user_pk: Any, using: str) -> None:
        """Raises `DecisionRefused`, also when the whole group is meant and is not as it was shown."""
        if self.verdict == KEEP:
            _refuse(decided_since(self.newest, Q(duplicate__membership__group=group.pk), using), user_pk)
            if not self._is_as_shown(group):
                raise DecisionRefused(_("The group has changed in the meantime. Please look at it again."))
        DECIDE[self.verdict](group, self.asset_pk, user_pk, self.batch)

    def _is_as_shown(self, group: DuplicateGroup) -> bool:
        has_joined = self.last is not None and group.members.filter(pk__gt=self.last).exists()
        return (group.size, group.open_count) == (self.seen, self.undecided) and not has_joined


def batch_of(data: QueryDict) -> UUID:
    """Raises `BadRequest` without the key of a decision."""
    try:
        return UUID(data.get("batch", ""))
    except ValueError:
        raise BadRequest("batch is no UUID") from None


def _refuse(newer: Any, user_pk: Any) -> None:
    if newer is not None:
        text = _("%(who)s decided about this on %(when)s, after this page was loaded. Nothing was changed.")
        raise DecisionRefused(text % describe(newer, user_pk))


def _number(data: QueryDict, name: str) -> int:
    number = parse_integer(data.get(name, ""))
    if number is None:
        raise BadRequest(f"{name} is no number")
    return number
