from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from django.contrib.admin import AdminSite
from django.utils.translation import gettext as _

from hashing.admin.originals import BROWSER_FORMATS, original_url
from hashing.admin.previews import FULL, LARGE, preview_html, preview_url
from hashing.admin.review.differences import Difference, Pair, describe_owners, find_differences, inside_box
from hashing.admin.review.file_labels import describe_file
from hashing.admin.review.verdicts import VERDICTS, Verdict
from hashing.admin.visibility import ImageAccess
from hashing.fingerprint.fingerprint import InsideBox
from hashing.fingerprint.orientations import IS_TRANSPOSED, Orientation
from hashing.fingerprint.similarity import Framing
from hashing.grouping.deletion import file_problem
from hashing.models import DuplicateGroup, GroupMember, ImageAsset, PairDecision
from hashing.stored_files.availability import StorageUnavailable, is_local
from hashing.templatetags.hashing_admin import likeness_label
from hashing.text import isolated


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
        framing = Framing(self.member.framing)
        return Pair(self.asset, self.keeper, self.member.orientation in IS_TRANSPOSED, framing)

    @property
    def inside(self) -> InsideBox | None:
        """What is inside the frame of the image, in thousandths."""
        return inside_box(self.asset)

    @property
    def outlined(self) -> InsideBox | None:
        """What is inside the frame, if the keeper shows it without that frame."""
        # A browser does not enlarge the preview of a transparent image to the size of the card.
        return self.inside if self.member.framing == Framing.ROW and not self.asset.is_transparent else None

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


def find_marks(members: Iterable[GroupMember], access: ImageAccess) -> dict[int, PairDecision]:
    """Return the decisions that mark members as duplicates of a visible image, by the key of the duplicate."""
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
