from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from uuid import uuid4

from django.contrib.admin import AdminSite
from django.db import router
from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _

from hashing.admin.review.cards import MemberCard, find_marks, make_cards
from hashing.admin.review.listing import Listing
from hashing.admin.review.presence import GroupSnapshot, ShownGroup
from hashing.admin.review.visible_groups import as_visible
from hashing.admin.visibility import ImageAccess
from hashing.grouping.decision_log import newest_decision
from hashing.grouping.ranking import KeeperReason, explain_keeper
from hashing.models import DuplicateGroup, GroupMember, ImageAsset, PairDecision
from hashing.templatetags.hashing_admin import likeness_label

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
    # The list that the group is shown in, or was opened from.
    listing: Listing = field(default_factory=Listing)

    @property
    def keeper(self) -> ImageAsset:
        return self.cards[0].asset

    @cached_property
    def why_keeper(self) -> KeeperReason:
        return explain_keeper(self.keeper, (card.asset for card in self.cards[1:] if not card.problem))

    @property
    def has_clear_keeper(self) -> bool:
        """Whether the keeper is clearly the best one, or was chosen by an editor."""
        return self.why_keeper.is_clear or any(card.member.is_same for card in self.cards[1:])

    @property
    def keeper_reason(self) -> str:
        if not self.has_clear_keeper:
            return _("no clear favourite")
        return self.why_keeper.text or _("by a decision")

    @property
    def duplicate_count(self) -> int:
        return self.group.size - 1

    @property
    def hidden_count(self) -> int:
        return max(0, self.group.size - len(self.cards))

    @property
    def likeness(self) -> str:
        """How much the image that differs most is like the keeper, in words."""
        has_same_bytes = not self.hidden_count and all(card.pair.has_same_bytes for card in self.cards[1:])
        return _("identical files") if has_same_bytes else likeness_label(self.group.max_distance)

    @property
    def url(self) -> str:
        """The group's own page."""
        return self.listing.group_url(self.site, self.group.pk, self.keeper.pk)

    @cached_property
    def shown_group(self) -> ShownGroup:
        """What the page sends when it asks whether the group has changed."""
        last_member = None if self.hidden_count else max(card.member.pk for card in self.cards)
        counts = (self.group.size, self.group.open_count)
        return ShownGroup(self.keeper.pk, GroupSnapshot(*counts, self.newest_decision, last_member))

    @cached_property
    def form_values(self) -> dict[str, object]:
        """The hidden fields of a `DecisionForm`."""
        values = {"keeper": self.keeper.pk, "batch": uuid4(), **self.shown_group.snapshot._asdict()}
        return {name: value for name, value in values.items() if value is not None}


def present_groups(
    groups: Iterable[DuplicateGroup], access: ImageAccess, listing: Listing | None = None
) -> list[GroupPresentation]:
    """Return the groups with their first visible cards, read with one query. A group without its keeper is left out.

    The groups must be those of `limit_groups`.
    """
    newest = newest_decision(router.db_for_read(PairDecision))
    chosen = [as_visible(group) for group in groups]
    members: defaultdict[int, list[GroupMember]] = defaultdict(list)
    for member in read_first_members(chosen, access):
        members[member.group_id].append(member)
    marks = find_marks((member for some in members.values() for member in some), access)
    with_cards = ((group, make_cards(group, members[group.pk], marks, access.site)) for group in chosen)
    shown_in = listing or Listing()
    return [
        GroupPresentation(group, cards, access.site, newest, listing=shown_in) for group, cards in with_cards if cards
    ]


def read_first_members(groups: list[DuplicateGroup], access: ImageAccess) -> Iterable[GroupMember]:
    small = [group.pk for group in groups if group.size <= MAX_CARDS_ON_LIST]
    large = [group.pk for group in groups if group.size > MAX_CARDS_ON_LIST]
    if access.is_narrowed:
        # Hidden images take some of the first positions.
        firsts = (read_members(Q(group=pk), access)[:MAX_CARDS_ON_LIST] for pk in large)
        return chain(read_members(Q(group__in=small), access), *firsts)
    # Members that leave a group leave gaps between the positions, so a small group may have large ones.
    return read_members(Q(group__in=small) | Q(group__in=large, position__lt=MAX_CARDS_ON_LIST), access)


def present_group_page(
    group: DuplicateGroup, page: int, access: ImageAccess, listing: Listing | None = None
) -> GroupPresentation | None:
    """Return the keeper and one page of the others, the nearest page if there is no such page."""
    newest = newest_decision(router.db_for_read(PairDecision))
    members, page, pages = read_page(as_visible(group), page, access)
    cards = make_cards(group, members, find_marks(members, access), access.site)
    return GroupPresentation(group, cards, access.site, newest, page, pages, listing or Listing()) if cards else None


def read_page(group: DuplicateGroup, page: int, access: ImageAccess) -> tuple[list[GroupMember], int, int]:
    """Return the keeper and the others of a page, its number, and the number of pages.

    Pages are ranges of positions, so an image stays on its page when others leave the group. Where images are hidden,
    their positions would show as gaps: the visible ones are counted instead.
    """
    last_position = group.members.aggregate(last=Max("position"))["last"] or 0
    last = group.size - 1 if access.is_narrowed else last_position
    pages = max(1, -(-last // CARDS_PER_PAGE))
    page = min(max(1, page), pages)
    first = 1 + (page - 1) * CARDS_PER_PAGE
    if access.is_narrowed:
        members = read_members(Q(group=group.pk), access)
        return [*members[:1], *members[first : first + CARDS_PER_PAGE]], page, pages
    on_page = Q(position=0) | Q(position__gte=first, position__lt=first + CARDS_PER_PAGE)
    return list(read_members(Q(group=group.pk) & on_page, access)), page, pages


def read_members(condition: Q, access: ImageAccess) -> QuerySet[GroupMember]:
    members = GroupMember.objects.filter(condition).select_related("asset").order_by("group", "position")
    return access.limit(members, "asset")
