from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hashing.admin.owners import OwnerLink
from hashing.admin.review.differences import Difference, Pair, describe_owners, find_differences
from hashing.fingerprint.similarity import Framing
from hashing.models import ImageAsset

ADDED = datetime(2026, 1, 2, 12, tzinfo=UTC)
TAKEN = datetime(2019, 5, 1, 12, tzinfo=UTC)
DEFAULTS = {
    "created_at": ADDED,
    "width": 3000,
    "height": 2000,
    "file_size": 1_000_000,
    "file_digest": "a" * 64,
    "file_format": "JPEG",
    "jpeg_quality": 90,
    "is_transparent": False,
    "exif_count": 40,
    "taken_at": TAKEN,
}


def image(**fields) -> ImageAsset:
    return ImageAsset(**DEFAULTS | fields)


def differences(kept: dict[str, object] | None = None, *, is_on_side: bool = False, **fields) -> list[Difference]:
    return find_differences(Pair(image(**{"file_digest": "b" * 64} | fields), image(**kept or {}), is_on_side))


def chips(kept: dict[str, object] | None = None, **fields) -> list[tuple[str, str]]:
    return [(found.label.replace("\xa0", " "), str(found.kind)) for found in differences(kept, **fields)]


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (6000, 4000, [("4× the pixels", "better")]),  # noqa: RUF001
        (4500, 3000, [("2.3× the pixels", "better")]),  # noqa: RUF001
        (3300, 2200, [("+21% pixels", "better")]),
        (3010, 2007, []),
        (2121, 1414, [("half the pixels", "worse")]),
        (2400, 1600, [("−36% pixels", "worse")]),  # noqa: RUF001
        (30, 20, [("−99% pixels", "worse")]),  # noqa: RUF001
    ],
)
def test_pixels(width, height, expected):
    assert chips(width=width, height=height) == expected


def test_a_crop_has_another_shape():
    assert chips(width=2500) == [("−17% pixels", "worse"), ("taller shape", "neutral")]  # noqa: RUF001
    assert chips({"width": 2500}) == [("+20% pixels", "better"), ("wider shape", "neutral")]


BARS = {"inside_left": 0, "inside_top": 100, "inside_right": 1000, "inside_bottom": 900}
BORDER = {"inside_left": 100, "inside_top": 100, "inside_right": 900, "inside_bottom": 900}
PADDED = {"width": 3000, "height": 2500, **BARS}


def framed_chips(framing: Framing, kept: dict[str, object], **fields) -> list[str]:
    pair = Pair(image(**{"file_digest": "b" * 64} | fields), image(**kept), framing=framing)
    return [found.label for found in find_differences(pair)]


def test_a_framed_copy_is_compared_by_what_is_inside():
    assert framed_chips(Framing.ROW, {}, **PADDED) == ["the same picture in a frame"]
    more_bytes = Pair(image(**PADDED, file_size=1_250_000, file_digest="b" * 64), image(), framing=Framing.ROW)
    assert find_differences(more_bytes)[1:] == [Difference("+25% bytes")]
    assert framed_chips(Framing.QUERY, PADDED) == ["the same picture without the frame"]
    assert framed_chips(Framing.ROW, {"width": 1500, "height": 1000}, **PADDED) == [
        "the same picture in a frame",
        "4× the pixels",  # noqa: RUF001
    ]


def test_two_frames_are_named_if_they_differ():
    assert framed_chips(Framing.BOTH, PADDED, **PADDED | {"inside_top": 110}) == []
    assert framed_chips(Framing.BOTH, BORDER, **PADDED)[0] == "the same picture in another frame"


def test_the_shape_of_a_turned_image_is_compared_upright():
    assert chips(width=2000, height=3000, is_on_side=True) == []
    assert chips(width=3000, height=2000, is_on_side=True) == [("taller shape", "neutral")]


def test_rounding_does_not_change_the_shape():
    assert chips(width=100, height=65) == [("−99% pixels", "worse")]  # noqa: RUF001


@pytest.mark.parametrize(
    ("file_size", "expected"),
    [
        (60_000, [("−94% bytes", "worse")]),  # noqa: RUF001
        (500_000, [("half the bytes", "worse")]),
        (981_000, []),
        (1_019_000, []),
        (1_500_000, [("+50% bytes", "better")]),
        (12_400_000, [("12× the bytes", "better")]),  # noqa: RUF001
        (None, []),
        (0, []),
    ],
)
def test_bytes(file_size, expected):
    assert chips(file_size=file_size) == expected


def test_bytes_of_another_format_are_neither_better_nor_worse():
    found = chips(file_format="PNG", jpeg_quality=None, file_size=3_000_000)
    assert found == [("3× the bytes", "neutral"), ("PNG", "neutral")]  # noqa: RUF001


@pytest.mark.parametrize(("quality", "expected"), [(60, "worse"), (95, "better")])
def test_quality_of_a_jpeg(quality, expected):
    assert chips(jpeg_quality=quality) == [(f"JPEG q{quality}", expected)]


def test_small_steps_of_quality_are_noise():
    assert chips(jpeg_quality=92) == []


def test_a_jpeg_beside_another_format_shows_its_quality():
    assert chips({"file_format": "PNG", "jpeg_quality": None}) == [("JPEG q90", "neutral")]


@pytest.mark.parametrize(
    ("count", "kept", "expected"),
    [
        (0, 40, [("no EXIF", "worse")]),
        (40, 0, [("has EXIF", "better")]),
        (20, 40, [("less EXIF", "worse")]),
        (45, 40, [("more EXIF", "better")]),
        (38, 40, []),
        (None, 40, []),
    ],
)
def test_exif(count, kept, expected):
    assert chips({"exif_count": kept}, exif_count=count) == expected


@pytest.mark.parametrize(
    ("taken_at", "expected"),
    [
        (TAKEN.replace(year=2016), [("taken 3 years earlier", "neutral")]),
        (TAKEN + timedelta(seconds=2), [("taken 2 seconds later", "neutral")]),
        (TAKEN + timedelta(hours=5, minutes=30), []),
        (None, [("no date taken", "worse")]),
    ],
)
def test_date_taken(taken_at, expected):
    assert chips(taken_at=taken_at) == expected


def test_a_missing_date_is_not_told_beside_missing_exif():
    assert chips(taken_at=None, exif_count=0) == [("no EXIF", "worse")]
    assert chips({"taken_at": None}) == [("has date taken", "better")]


def test_transparency():
    assert chips(is_transparent=True) == [("transparent", "neutral")]
    assert chips({"is_transparent": True}) == [("not transparent", "neutral")]
    assert chips(is_transparent=None) == []


@pytest.mark.parametrize(
    ("error", "label"),
    [("File not found at a.jpg", "file missing"), ("ValueError: Failed to process image", "cannot be read")],
)
def test_a_file_that_is_missing_or_broken_comes_first(error, label):
    assert chips(hash_error=error, file_size=500_000)[0] == (label, "worse")


def test_the_upload_counts_only_if_nothing_else_differs():
    earlier = ADDED - timedelta(days=3)
    assert chips(created_at=earlier) == [("added 3 days earlier", "neutral")]
    assert chips(created_at=earlier, exif_count=0) == [("no EXIF", "worse")]
    assert chips(created_at=ADDED + timedelta(seconds=5)) == []


def test_same_bytes_are_the_only_difference_besides_the_upload():
    fields = {"file_digest": "a" * 64, "created_at": ADDED + timedelta(hours=2)}
    assert chips(**fields) == [("same bytes", "neutral"), ("added 2 hours later", "neutral")]
    assert ("same bytes", "neutral") not in chips({"file_digest": None}, file_digest=None)


def test_owners_come_last_and_many_are_counted():
    asset = image(width=1500, height=1000)
    asset.owners = [OwnerLink("Article", "12", "/article/12/"), OwnerLink("Page"), OwnerLink("Cover", "3")]
    found = find_differences(Pair(asset, image(file_digest="b" * 64)))
    assert found[1:] == [
        Difference("used by Article 12", url="/article/12/"),
        Difference("used by Page"),
        Difference("and by 1 more"),
    ]


def test_an_image_without_owners_says_nothing_about_them():
    assert list(describe_owners(image())) == []


def test_unknown_facts_are_no_differences():
    unknown = dict.fromkeys(DEFAULTS, None) | {"created_at": ADDED}
    assert chips(**unknown) == []
