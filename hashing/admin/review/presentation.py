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

from hashing.admin.originals import BROWSER_FORMATS, original_url
from hashing.admin.previews import FULL, LARGE, preview_html, preview_url
from hashing.admin.review.differences import (
    Difference,
    Pair,
    describe_file,
    describe_owners,
    find_differences,
)
from hashing.admin.review.listing import Listing
from hashing.admin.review.presence import ShownGroup
from hashing.admin.review.verdicts import VERDICTS, GroupSnapshot, Verdict
from hashing.admin.review.visible_groups import as_visible
from hashing.admin.visibility import ImageAccess
from hashing.fingerprint.orientations import IS_TRANSPOSED, Orientation
from hashing.grouping.decision_log import newest_decision
from hashing.grouping.deletion import file_problem
from hashing.grouping.ranking import KeeperReason, explain_keeper
from hashing.models import DuplicateGroup, GroupMember, ImageAsset, PairDecision
from hashing.stored_files.availability import StorageUnavailable, is_local
from hashing.templatetags.hashing_admin import likeness_label
from hashing.text import isolated

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
        """What the page asks with whether the group has changed."""
        last_member = None if self.hidden_count else max(card.member.pk for card in self.cards)
        counts = (self.group.size, self.group.open_count)
        return ShownGroup(self.keeper.pk, GroupSnapshot(*counts, self.newest_decision, last_member))

    @cached_property
    def form_values(self) -> dict[str, object]:
        """The hidden fields of a `DecisionForm`."""
        values = {"keeper": self.keeper.pk, "batch": uuid4(), **self.shown_group.snapshot._asdict()}
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
    def label(self) -> str:
        """The name of the card, which is read aloud."""
        if self.is_open:
            state = _("undecided")
        elif self.is_keeper:
            state = _("suggested keeper") if self.group.open_count else _("keeper")
        else:
            state = _("marked as duplicate")
        return f"{isolated(self.asset)}, {state}"

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
        """The preview that the comparison shows until the original is there."""
        return preview_url(self.asset, FULL, self.site)

    @property
    def original_url(self) -> str:
        return original_url(self.asset, self.site)

    @property
    def is_converted(self) -> bool:
        """Whether a browser gets a JPEG in place of the original."""
        return bool(self.asset.file_format) and self.asset.file_format not in BROWSER_FORMATS

    @property
    def orientation(self) -> str:
        """How the image is turned or mirrored compared with the keeper; empty if it is neither."""
        is_upright = self.member.orientation == Orientation.UPRIGHT
        return "" if is_upright else self.member.get_orientation_display()

    @property
    def pair(self) -> Pair:
        return Pair(self.asset, self.keeper, is_on_side=self.member.orientation in IS_TRANSPOSED)

    @property
    def likeness(self) -> str:
        """How much the image is like the keeper, in words."""
        return _("identical file") if self.pair.has_same_bytes else likeness_label(self.member.distance)

    @cached_property
    def facts(self) -> list[str]:
        """What the file of the keeper is like. An image beside it shows its differences alone."""
        return describe_file(self.asset) if self.is_keeper else []

    @cached_property
    def differences(self) -> list[Difference]:
        """The chips of the card. Before, the owners must be attached."""
        return [*describe_owners(self.asset)] if self.is_keeper else find_differences(self.pair)


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


def find_marks(members: Iterable[GroupMember], access: ImageAccess) -> dict[int, PairDecision]:
    """Return by its key the decision that marks each duplicate among the members, if both of its images are visible."""
    keys = [member.asset_id for member in members]
    found = PairDecision.objects.in_force().filter(duplicate__in=keys).select_related("lower", "higher")
    return {mark.duplicate_id: mark for mark in access.limit(found, "lower", "higher") if mark.duplicate_id}


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
