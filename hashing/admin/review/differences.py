"""The chips of a card: what an editor needs to know about an image of a group beside its keeper."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from itertools import chain
from typing import NamedTuple

from django.utils.translation import gettext as _

from hashing.admin.owners import OwnerLink
from hashing.admin.review.file_labels import BYTES, PIXELS, amount_label, format_label, time_between
from hashing.fingerprint.fingerprint import InsideBox
from hashing.fingerprint.similarity import Framing
from hashing.models import ImageAsset
from hashing.text import isolated
from hashing.workers.worker import FILE_NOT_FOUND

# Smaller differences are noise: a share of the pixels, bytes or of the shape, steps of quality, and EXIF tags.
MIN_SHARE, MIN_QUALITY_STEPS, MIN_TAGS = 0.02, 3, 5
# An edge of a frame is known to within a line of a small picture: a share of what is inside, and thousandths.
MIN_INSIDE_SHARE, MIN_FRAME_DIFFERENCE = 0.08, 20
# The clocks of two time zones differ by whole quarters of an hour, up to this.
TIME_ZONE_STEP, MAX_TIME_ZONES = timedelta(minutes=15), timedelta(hours=26)
MIN_TIME_BETWEEN_UPLOADS = timedelta(minutes=1)
MAX_OWNERS = 2
# With these, the image or the keeper was compared without its frame.
IMAGE_FRAMINGS, KEEPER_FRAMINGS = {Framing.ROW, Framing.BOTH}, {Framing.QUERY, Framing.BOTH}

Size = tuple[float, float]


class Kind(StrEnum):
    """Whether the image is better or worse than the keeper in one respect."""

    BETTER = "better"
    WORSE = "worse"
    NEUTRAL = "neutral"


class Difference(NamedTuple):
    label: str
    kind: Kind = Kind.NEUTRAL
    url: str | None = None


class Pair(NamedTuple):
    """An image and the keeper of its group. `is_on_side`: one of them is turned by a quarter against the other.

    `framing`: which of them match by what is inside their frames; the keeper is the query.
    """

    asset: ImageAsset
    keeper: ImageAsset
    is_on_side: bool = False
    framing: Framing = Framing.NONE

    @property
    def has_same_bytes(self) -> bool:
        return self.asset.file_digest is not None and self.asset.file_digest == self.keeper.file_digest

    @property
    def sizes(self) -> tuple[Size, Size]:
        """The pixels of what is compared of the image, turned like the keeper, and of the keeper; 0 if unknown."""
        width, height = compared_size(self.asset, self.framing in IMAGE_FRAMINGS)
        kept = compared_size(self.keeper, self.framing in KEEPER_FRAMINGS)
        return (height, width) if self.is_on_side else (width, height), kept

    @property
    def min_share(self) -> float:
        return MIN_INSIDE_SHARE if self.framing else MIN_SHARE


def compared_size(asset: ImageAsset, is_inside: bool) -> Size:  # noqa: FBT001
    width, height, box = asset.width or 0, asset.height or 0, inside_box(asset)
    return (width * box.width / 1000, height * box.height / 1000) if is_inside and box else (width, height)


def inside_box(asset: ImageAsset) -> InsideBox | None:
    edges = asset.inside_left, asset.inside_top, asset.inside_right, asset.inside_bottom
    return None if None in edges else InsideBox(*edges)  # type: ignore[arg-type]


def find_differences(pair: Pair) -> list[Difference]:
    """Return the differences in a fixed order: of the files, then who uses the image.

    The owners of the image must be attached.
    """
    found = [*compare_availability(pair)]
    if pair.has_same_bytes:
        found += [Difference(_("same bytes")), *compare_uploads(pair)]
    else:
        found += chain.from_iterable(compare(pair) for compare in COMPARISONS)
    return [*(found or compare_uploads(pair)), *describe_owners(pair.asset)]


def compare_availability(pair: Pair) -> Iterator[Difference]:
    error = pair.asset.hash_error
    if error:
        label = _("file missing") if error.startswith(FILE_NOT_FOUND) else _("cannot be read")
        yield Difference(label, Kind.WORSE)


def compare_frames(pair: Pair) -> Iterator[Difference]:
    if pair.framing is Framing.ROW:
        yield Difference(_("the same picture in a frame"))
    elif pair.framing is Framing.QUERY:
        yield Difference(_("the same picture without the frame"))
    elif pair.framing is Framing.BOTH and has_another_frame(pair):
        yield Difference(_("the same picture in another frame"))


def has_another_frame(pair: Pair) -> bool:
    box, kept = inside_box(pair.asset), inside_box(pair.keeper)
    if not (box and kept):
        return False
    sides = (box.height, box.width) if pair.is_on_side else (box.width, box.height)
    return max(abs(sides[0] - kept.width), abs(sides[1] - kept.height)) >= MIN_FRAME_DIFFERENCE


def compare_pixels(pair: Pair) -> Iterator[Difference]:
    count, kept = (width * height for width, height in pair.sizes)
    if label := amount_label(count, kept, PIXELS, pair.min_share):
        yield Difference(label, better_if(count > kept))


def compare_shapes(pair: Pair) -> Iterator[Difference]:
    """Find a crop, or a picture that was stretched."""
    (width, height), (kept_width, kept_height) = pair.sizes
    if not (width and height and kept_width and kept_height):
        return
    # In a small copy, rounding to whole pixels changes the shape.
    tolerance = pair.min_share + 1 / min(width, height) + 1 / min(kept_width, kept_height)
    ratio = (width * kept_height) / (height * kept_width)
    if max(ratio, 1 / ratio) > 1 + tolerance:
        yield Difference(_("wider shape") if ratio > 1 else _("taller shape"))


def compare_bytes(pair: Pair) -> Iterator[Difference]:
    count, kept = pair.asset.file_size or 0, pair.keeper.file_size or 0
    if label := amount_label(count, kept, BYTES, MIN_SHARE):
        # Another format may need fewer bytes for the same, and a frame more.
        is_comparable = pair.asset.file_format == pair.keeper.file_format and not pair.framing
        yield Difference(label, better_if(count > kept) if is_comparable else Kind.NEUTRAL)


def compare_formats(pair: Pair) -> Iterator[Difference]:
    asset, keeper = pair.asset, pair.keeper
    if not (asset.file_format and keeper.file_format):
        return
    if asset.file_format != keeper.file_format:
        yield Difference(format_label(asset))
    elif asset.jpeg_quality is not None and keeper.jpeg_quality is not None:
        steps = asset.jpeg_quality - keeper.jpeg_quality
        if abs(steps) >= MIN_QUALITY_STEPS:
            yield Difference(format_label(asset), better_if(steps > 0))


def compare_exif(pair: Pair) -> Iterator[Difference]:
    count, kept = pair.asset.exif_count, pair.keeper.exif_count
    if count is None or kept is None or count == kept:
        return
    if kept == 0:
        yield Difference(_("has EXIF"), Kind.BETTER)
    elif count == 0:
        yield Difference(_("no EXIF"), Kind.WORSE)
    elif abs(count - kept) >= MIN_TAGS:
        yield Difference(_("more EXIF") if count > kept else _("less EXIF"), better_if(count > kept))


def compare_dates_taken(pair: Pair) -> Iterator[Difference]:
    taken_at, kept = pair.asset.taken_at, pair.keeper.taken_at
    if taken_at and kept:
        between = abs(taken_at - kept)
        if between and not is_time_zone(between):
            label = _("taken %(time)s earlier") if taken_at < kept else _("taken %(time)s later")
            yield Difference(label % {"time": time_between(taken_at, kept)})
    # Otherwise, "no EXIF" says it already.
    elif pair.asset.exif_count and pair.keeper.exif_count and (taken_at or kept):
        yield Difference(_("has date taken") if taken_at else _("no date taken"), better_if(taken_at is not None))


def compare_transparency(pair: Pair) -> Iterator[Difference]:
    is_transparent, kept = pair.asset.is_transparent, pair.keeper.is_transparent
    if is_transparent is not None and kept is not None and is_transparent != kept:
        yield Difference(_("transparent") if is_transparent else _("not transparent"))


COMPARISONS = (
    compare_frames,
    compare_pixels,
    compare_shapes,
    compare_bytes,
    compare_formats,
    compare_exif,
    compare_dates_taken,
    compare_transparency,
)


def compare_uploads(pair: Pair) -> Iterator[Difference]:
    added_at, kept = pair.asset.created_at, pair.keeper.created_at
    if abs(added_at - kept) >= MIN_TIME_BETWEEN_UPLOADS:
        label = _("added %(time)s earlier") if added_at < kept else _("added %(time)s later")
        yield Difference(label % {"time": time_between(added_at, kept)})


def describe_owners(asset: ImageAsset) -> Iterator[Difference]:
    """Name the rows of the site that use the image and that the user may see, as `attach_owners` has found them."""
    owners: list[OwnerLink] = getattr(asset, "owners", [])
    for owner in owners[:MAX_OWNERS]:
        name = f"{owner.kind} {isolated(owner.text)}" if owner.text else owner.kind
        yield Difference(_("used by %(owner)s") % {"owner": name}, url=owner.url)
    if others := len(owners[MAX_OWNERS:]):
        yield Difference(_("and by %(count)d more") % {"count": others})


def is_time_zone(between: timedelta) -> bool:
    """Whether two times may be the same on clocks of different time zones: one camera or copy lacks the time zone."""
    return between <= MAX_TIME_ZONES and not between % TIME_ZONE_STEP


def better_if(is_better: bool) -> Kind:  # noqa: FBT001
    return Kind.BETTER if is_better else Kind.WORSE
