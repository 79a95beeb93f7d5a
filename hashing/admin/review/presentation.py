from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from uuid import uuid4

from django.contrib.admin import AdminSite
from django.db import router
from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _

from hashing.admin.links import admin_url
from hashing.admin.previews import FULL, LARGE, preview_html, preview_url
from hashing.admin.review.verdicts import VERDICTS, GroupSnapshot, Verdict
from hashing.fingerprint.orientations import Orientation
from hashing.grouping.decision_log import newest_decision
from hashing.grouping.deletion import file_problem
from hashing.grouping.ranking import keeper_reason
from hashing.models import DuplicateGroup, GroupMember, ImageAsset, PairDecision
from hashing.stored_files.availability import StorageUnavailable, is_local

# Cards of a group on the list, and of others beside the keeper on one page of a large group.
MAX_CARDS_ON_LIST, CARDS_PER_PAGE = 12, 60


@dataclass(frozen=True)
class GroupPresentation:
    """A group with the cards of a page, the keeper first.

    `newest_decision` was the highest key of any decision before the cards were read. `page` and `pages` count the pages
    of a large group; they are 0 on the list.
    """

    group: DuplicateGroup
    cards: list[MemberCard]
    site: AdminSite
    newest_decision: int
    page: int = 0
    pages: int = 0

    @property
    def keeper(self) -> ImageAsset:
        return self.cards[0].asset

    @property
    def keeper_reason(self) -> str:
        reason = keeper_reason(self.keeper, (card.asset for card in self.cards[1:] if not card.problem))
        return reason or _("by a decision")

    @property
    def duplicate_count(self) -> int:
        return self.group.size - 1

    @property
    def hidden_count(self) -> int:
        return max(0, self.group.size - len(self.cards))

    @property
    def url(self) -> str:
        """The group's own page. It names the keeper as well, by which a group is found that has a new key."""
        return admin_url(self.site, "duplicategroup_change", self.group.pk, query={"image": self.keeper.pk})

    @cached_property
    def form_values(self) -> dict[str, object]:
        """The hidden fields of a `DecisionForm`."""
        snapshot = GroupSnapshot(
            size=self.group.size,
            open_count=self.group.open_count,
            newest_decision=self.newest_decision,
            last_member=None if self.hidden_count else max(card.member.pk for card in self.cards),
        )
        values = {"keeper": self.keeper.pk, "batch": uuid4(), **snapshot._asdict()}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class MemberCard:
    """An image of a group beside its keeper."""

    member: GroupMember
    group: DuplicateGroup
    keeper: ImageAsset
    site: AdminSite
    # The decision that marks the image as a duplicate.
    mark: PairDecision | None = None
    # Why the keeper cannot be kept; empty if it can.
    keeper_problem: str = ""

    @property
    def asset(self) -> ImageAsset:
        return self.member.asset

    @property
    def is_keeper(self) -> bool:
        return self.member.position == 0

    @property
    def is_open(self) -> bool:
        """Whether nobody has decided about the image."""
        return not (self.is_keeper or self.member.is_same)

    @property
    def problem(self) -> str:
        """Why the image cannot be kept; empty if it can, as far as known without asking a remote storage."""
        return self.keeper_problem if self.is_keeper else self.asset.hash_error

    @property
    def verdicts(self) -> list[Verdict]:
        """The buttons of the card."""
        return [verdict for verdict in VERDICTS if self.offers(verdict)]

    def offers(self, verdict: Verdict) -> bool:
        if verdict.is_about_group:
            return not self.problem and (self.group.open_count > 0 or not self.is_keeper)
        return self.is_open and not (verdict.keeps == "keeper" and self.keeper_problem)

    @property
    def kept_instead(self) -> ImageAsset | None:
        """The image that this one is marked as a duplicate of, unless it is the keeper of the group."""
        if self.mark is None:
            return None
        other = self.mark.higher if self.mark.lower_id == self.asset.pk else self.mark.lower
        return None if other.pk == self.keeper.pk else other

    @property
    def preview(self) -> str:
        return preview_html(self.asset, LARGE, self.site)

    @property
    def full_preview_url(self) -> str:
        """The preview that the comparison shows."""
        return preview_url(self.asset, FULL, self.site)

    @property
    def orientation(self) -> str:
        """How the image is turned or mirrored compared with the keeper; empty if it is neither."""
        is_upright = self.member.orientation == Orientation.UPRIGHT
        return "" if is_upright else self.member.get_orientation_display()

    @property
    def has_same_bytes(self) -> bool:
        """Whether the file is equal to that of the keeper, byte for byte."""
        digest = self.asset.file_digest
        return not self.is_keeper and digest is not None and digest == self.keeper.file_digest


def present_groups(groups: Iterable[DuplicateGroup], site: AdminSite) -> list[GroupPresentation]:
    """Return the groups with their first cards, read with one query. A group without its keeper is left out."""
    newest = newest_decision(router.db_for_read(PairDecision))
    chosen = list(groups)
    small = [group.pk for group in chosen if group.size <= MAX_CARDS_ON_LIST]
    large = [group.pk for group in chosen if group.size > MAX_CARDS_ON_LIST]
    # Members that leave a group leave gaps between the positions, so a small group may have large ones.
    shown = Q(group__in=small) | Q(group__in=large, position__lt=MAX_CARDS_ON_LIST)
    members: defaultdict[int, list[GroupMember]] = defaultdict(list)
    for member in read_members(shown):
        members[member.group_id].append(member)
    marks = find_marks(member for some in members.values() for member in some)
    with_cards = ((group, make_cards(group, members[group.pk], marks, site)) for group in chosen)
    return [GroupPresentation(group, cards, site, newest) for group, cards in with_cards if cards]


def present_group_page(group: DuplicateGroup, page: int, site: AdminSite) -> GroupPresentation | None:
    """Return the keeper and one page of the others, the nearest page if there is no such page.

    Pages are ranges of positions, so an image stays on its page when others leave the group.
    """
    newest = newest_decision(router.db_for_read(PairDecision))
    last_position = group.members.aggregate(last=Max("position"))["last"] or 0
    pages = max(1, -(-last_position // CARDS_PER_PAGE))
    page = min(max(1, page), pages)
    first = 1 + (page - 1) * CARDS_PER_PAGE
    on_page = Q(position=0) | Q(position__gte=first, position__lt=first + CARDS_PER_PAGE)
    members = list(read_members(Q(group=group.pk) & on_page))
    cards = make_cards(group, members, find_marks(members), site)
    return GroupPresentation(group, cards, site, newest, page, pages) if cards else None


def read_members(condition: Q) -> QuerySet[GroupMember]:
    return GroupMember.objects.filter(condition).select_related("asset").order_by("group", "position")


def find_marks(members: Iterable[GroupMember]) -> dict[int, PairDecision]:
    """Return by its key the decision that marks each duplicate among the members."""
    keys = [member.asset_id for member in members]
    found = PairDecision.objects.in_force().filter(duplicate__in=keys).select_related("lower", "higher")
    return {mark.duplicate_id: mark for mark in found if mark.duplicate_id}


def make_cards(
    group: DuplicateGroup, members: list[GroupMember], marks: dict[int, PairDecision], site: AdminSite
) -> list[MemberCard]:
    """Return a card for each member, none if the keeper is not the first of them."""
    if not members or members[0].position != 0:
        return []
    keeper = members[0].asset
    problem = find_keeper_problem(keeper)
    return [MemberCard(member, group, keeper, site, marks.get(member.asset_id), problem) for member in members]


def find_keeper_problem(keeper: ImageAsset) -> str:
    """Return the error of the row, or of the file on a local disk. Other storages are asked by a decision only."""
    if keeper.hash_error or not is_local(keeper.image.storage):
        return keeper.hash_error
    try:
        return file_problem(keeper)
    except StorageUnavailable as error:
        return str(error)
