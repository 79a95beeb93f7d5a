"""Groups and their pictures as the pages show them: in one query for all, and never a whole large group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from uuid import uuid4

from django.contrib.admin import AdminSite
from django.db import router
from django.db.models import Max, Q
from django.utils.translation import gettext as _

from hashing.admin.links import admin_url
from hashing.admin.previews import FULL, LARGE, preview_html, preview_url
from hashing.fingerprint.orientations import Orientation
from hashing.grouping.decision_log import newest_decision
from hashing.grouping.deletion import file_problem
from hashing.grouping.ranking import keeper_reason
from hashing.models import DuplicateGroup, GroupMember, ImageAsset, PairDecision
from hashing.stored_files.availability import StorageUnavailable, is_local

# Cards of a group on the list, and of one page of a large group; the keeper is on every one of them.
ON_LIST, ON_PAGE = 12, 60


@dataclass(frozen=True)
class MemberCard:
    """A picture of a group beside its keeper."""

    member: GroupMember
    keeper: ImageAsset
    site: AdminSite
    # The decision that marks it as a duplicate.
    mark: PairDecision | None = None
    # Why nothing can be kept by the keeper; empty when something can.
    keeper_problem: str = ""

    @property
    def asset(self) -> ImageAsset:
        return self.member.asset

    @property
    def is_keeper(self) -> bool:
        return self.member.position == 0

    @property
    def problem(self) -> str:
        """Why nothing can be kept by this one; empty when something can, as far as is known."""
        return self.keeper_problem if self.is_keeper else self.asset.hash_error

    @property
    def is_open(self) -> bool:
        """Nobody has decided about it."""
        return not (self.is_keeper or self.member.is_same)

    @property
    def kept_instead(self) -> ImageAsset | None:
        """What it is marked as a duplicate of, where that is another picture than the keeper of this group."""
        if self.mark is None:
            return None
        other = self.mark.higher if self.mark.lower_id == self.asset.pk else self.mark.lower
        return None if other.pk == self.keeper.pk else other

    @property
    def preview(self) -> str:
        return preview_html(self.asset, LARGE, self.site)

    @property
    def full_address(self) -> str:
        """Of the preview in which differences can be seen."""
        return preview_url(self.asset, FULL, self.site)

    @property
    def orientation(self) -> str:
        """How it lies, compared with the keeper; empty when it lies as the keeper does."""
        is_upright = self.member.orientation == Orientation.UPRIGHT
        return "" if is_upright else self.member.get_orientation_display()

    @property
    def has_same_bytes(self) -> bool:
        """Whether its file and that of the keeper are equal, byte for byte."""
        digest = self.asset.file_digest
        return not self.is_keeper and digest is not None and digest == self.keeper.file_digest


@dataclass(frozen=True)
class ShownGroup:
    """`newest` is the highest key of a decision before the cards were read. `page` and `pages` are those of the group's
    own page, and 0 where many groups are shown."""

    group: DuplicateGroup
    cards: list[MemberCard]
    site: AdminSite
    newest: int = 0
    page: int = 0
    pages: int = 0

    @property
    def keeper(self) -> ImageAsset:
        return self.cards[0].asset

    @property
    def reason(self) -> str:
        reason = keeper_reason(self.keeper, (card.asset for card in self.cards[1:] if not card.problem))
        return reason or str(_("by a decision"))

    @property
    def others(self) -> int:
        return self.group.size - 1

    @property
    def hidden(self) -> int:
        return max(0, self.group.size - len(self.cards))

    @cached_property
    def form(self) -> dict[str, object]:
        """What a decision says about the group that it was made on: see `DecisionForm`."""
        fields: dict[str, object] = {"keeper": self.keeper.pk, "seen": self.group.size}
        fields |= {"undecided": self.group.open_count, "newest": self.newest, "batch": uuid4()}
        return fields | ({} if self.last_member is None else {"last": self.last_member})

    @property
    def last_member(self) -> int | None:
        """The highest key of its members; None where not all are shown."""
        return None if self.hidden else max(card.member.pk for card in self.cards)

    @property
    def address(self) -> str:
        """Of its own page. The picture is named as well, because the group may be made anew in the meantime."""
        return admin_url(self.site, "duplicategroup_change", self.group.pk, query={"picture": self.keeper.pk})


def show_groups(groups: Iterable[DuplicateGroup], site: AdminSite) -> list[ShownGroup]:
    """The beginning of each. A group that has lost its pictures in this moment is left out."""
    newest = newest_decision(router.db_for_read(PairDecision))
    chosen = list(groups)
    small = [group.pk for group in chosen if group.size <= ON_LIST]
    large = [group.pk for group in chosen if group.size > ON_LIST]
    found = defaultdict(list)
    # Pictures that have left a group leave gaps in the positions, so those of a small group may be any.
    for member in _members(Q(group__in=small) | Q(group__in=large, position__lt=ON_LIST)):
        found[member.group_id].append(member)
    marks = _marks(member for members in found.values() for member in members)
    return [
        ShownGroup(group, _cards(found[group.pk], marks, site), site, newest)
        for group in chosen
        if _has_keeper(found[group.pk])
    ]


def show_page(group: DuplicateGroup, page: int, site: AdminSite) -> ShownGroup | None:
    """The keeper and one page of the others; a page that is not there is the nearest one.

    Pages are ranges of positions: a picture stays on its page, whatever leaves the group.
    """
    newest = newest_decision(router.db_for_read(PairDecision))
    last = group.members.aggregate(last=Max("position"))["last"] or 0
    pages = max(1, -(-last // ON_PAGE))
    page = min(max(1, page), pages)
    first = 1 + (page - 1) * ON_PAGE
    positions = Q(position=0) | Q(position__gte=first, position__lt=first + ON_PAGE)
    members = list(_members(Q(group=group.pk) & positions))
    cards = _cards(members, _marks(members), site) if _has_keeper(members) else []
    return ShownGroup(group, cards, site, newest, page, pages) if cards else None


def _members(condition: Q) -> Iterable[GroupMember]:
    return GroupMember.objects.filter(condition).select_related("asset").order_by("group", "position")


def _has_keeper(members: list[GroupMember]) -> bool:
    return bool(members) and members[0].position == 0


def _cards(members: list[GroupMember], marks: dict[int, PairDecision], site: AdminSite) -> list[MemberCard]:
    keeper = members[0].asset
    problem = _keeper_problem(keeper)
    return [MemberCard(member, keeper, site, marks.get(member.asset_id), problem) for member in members]


def _keeper_problem(keeper: ImageAsset) -> str:
    """What the row says, or the file on a disk of this machine; a storage elsewhere is asked at the decision alone."""
    if keeper.hash_error or not is_local(keeper.image.storage):
        return keeper.hash_error
    try:
        return file_problem(keeper)
    except StorageUnavailable as error:
        return str(error)


def _marks(members: Iterable[GroupMember]) -> dict[int, PairDecision]:
    """By the picture that is marked."""
    keys = [member.asset_id for member in members]
    found = PairDecision.objects.in_force().filter(duplicate__in=keys).select_related("lower", "higher")
    return {int(mark.duplicate_id or 0): mark for mark in found}
