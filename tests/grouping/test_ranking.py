from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashing.conf import HashingSettings
from hashing.grouping.candidates import RANKED_COLUMNS, CandidateRow, RankedRow
from hashing.grouping.criteria import parse_criteria
from hashing.grouping.ranking import best_first, explain_keeper, is_better, order_by_ranking, ranking_key
from hashing.models import ImageAsset

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
SMALL = st.none() | st.integers(1, 3)
MOMENTS = st.builds(lambda days: NEW_YEAR + timedelta(days), st.integers(0, 2))
CRITERIA = parse_criteria(tuple(HashingSettings().KEEPER))
VALUES = {
    "image": st.sampled_from(["a/1.jpg", "b/1.jpg"]),
    "width": SMALL,
    "height": SMALL,
    "file_size": SMALL,
    "file_format": st.sampled_from([None, "JPEG", "PNG", "WEBP", "unheard of"]),
    "jpeg_quality": st.none(),
    "exif_count": st.none() | st.integers(0, 2),
    "taken_at": st.none() | MOMENTS,
    "source_type": st.none() | st.just("blog.photo"),
    "created_at": MOMENTS,
    "hash_error": st.sampled_from(["", "broken"]),
    "inside_left": st.none(),
    "inside_top": st.none(),
    "inside_right": st.none(),
    "inside_bottom": st.none(),
}
ROWS = st.lists(
    st.builds(RankedRow, pk=st.integers(0, 50), **VALUES, is_resave=st.booleans()), unique_by=lambda row: row.pk
)


@given(ROWS, st.sets(st.integers(0, 50)))
def test_every_image_is_better_than_the_next_and_marked_and_broken_ones_come_last(rows, marked):
    by_key = {row.pk: row for row in rows}
    keys = best_first(rows, marked)
    assert sorted(keys) == sorted(by_key)
    for better, worse in pairwise(keys):
        one, other = by_key[better], by_key[worse]
        state = (bool(one.hash_error), better in marked)
        assert state <= (bool(other.hash_error), worse in marked)
        if state == (bool(other.hash_error), worse in marked):
            assert pixels(one) >= pixels(other)
            assert ranking_key(one, CRITERIA) < ranking_key(other, CRITERIA)


def pixels(row: RankedRow) -> int:
    return (row.width or 0) * (row.height or 0)


@pytest.mark.django_db
@pytest.mark.parametrize("keeper", [HashingSettings().KEEPER, ["folder:b/", "format:WEBP,JPEG", "newest"], ["used"]])
def test_sql_and_python_give_the_same_order(add_hashed, settings, keeper):
    settings.HASHING = {"KEEPER": keeper}
    fields = {
        "width": [None, 9, 2],
        "height": [9, None, 2],
        "file_size": [9, None, 1],
        "file_format": [None, "JPEG", "WEBP", "XYZ"],
        "exif_count": [None, 0, 7],
        "taken_at": [None, NEW_YEAR],
        "source_type": [None, "blog.photo"],
        "hash_error": ["", "broken"],
        "image": ["a/1.jpg", "b/1.jpg", "B/1.jpg"],
        "created_at": [NEW_YEAR, NEW_YEAR + timedelta(1)],
    }
    boxes = [(None,) * 4, (0, 125, 1000, 875), (1, 0, 999, 1000), (480, 480, 520, 520)]
    for number in range(40):
        add_hashed(
            **{name: values[number * (7 + place) % len(values)] for place, (name, values) in enumerate(fields.items())},
            **in_frame(*boxes[number // 2 % len(boxes)]),
        )
    rows = ImageAsset.objects.all()
    ranked = [RankedRow(*values) for values in rows.values_list("pk", *RANKED_COLUMNS)]
    assert list(order_by_ranking(rows).values_list("pk", flat=True)) == best_first(ranked, set())


def in_frame(left: int | None, top: int | None, right: int | None, bottom: int | None) -> dict[str, int | None]:
    return {"inside_left": left, "inside_top": top, "inside_right": right, "inside_bottom": bottom}


SQUARE, PADDED = in_frame(0, 101, 1000, 899), in_frame(0, 125, 1000, 875)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        # A picture of 10 x 8 pixels, and copies of it that are padded to squares.
        ({"height": 8}, {"file_size": 900, **SQUARE}),
        ({"height": 8}, {"file_size": 900, **PADDED}),
        ({"width": 640, "height": 480}, {"width": 640, "height": 640, "file_size": 900, **PADDED}),
        # A small copy is worse than a framed one.
        ({"file_size": 50, **SQUARE}, {"width": 5, "height": 4}),
        # Of two framed copies, neither is better by a line of the frame.
        ({"file_size": 200, **SQUARE}, in_frame(0, 100, 1000, 900)),
        (SQUARE, {"width": 9, "height": 9, "file_size": 900, **SQUARE}),
    ],
)
def test_the_pixels_of_a_frame_do_not_count(better, worse):
    assert is_better(image(2, **better), image(1, **worse))


def image(pk: int = 1, **fields) -> ImageAsset:
    values = {"width": 10, "height": 10, "file_size": 100, "file_format": "JPEG", "created_at": NEW_YEAR, **fields}
    return ImageAsset(pk=pk, image=f"{pk}.jpg", **values)


EARLIER = NEW_YEAR - timedelta(300)


@pytest.mark.parametrize(
    ("keeper", "others", "reason"),
    [
        (image(width=20), [image(2), image(3, file_size=900, taken_at=NEW_YEAR)], "most pixels"),
        (image(taken_at=NEW_YEAR), [image(2, file_size=900, exif_count=5)], "has the camera's metadata"),
        (image(exif_count=5), [image(2, file_size=900)], "has the camera's metadata"),
        (image(), [image(2, file_format="WEBP", file_size=900)], "better format"),
        (image(file_size=200), [image(2), image(3, width=5, file_size=900)], "most bytes"),
        (image(source_type="blog.photo"), [image(2, created_at=EARLIER)], "used by the site"),
        (image(created_at=EARLIER), [image(2), image(3, file_size=50)], "oldest"),
        (image(1), [image(2)], "oldest"),
        (image(width=5), [image(2)], ""),
        (image(file_size=50), [image(2)], ""),
        (image(width=None, file_size=None), [image(2, width=None, file_size=None)], "oldest"),
        (image(), [], ""),
    ],
)
def test_the_reason_is_the_first_criterion_by_which_the_keeper_is_better_than_all_others(keeper, others, reason):
    assert explain_keeper(keeper, others).text == reason


@pytest.mark.parametrize(
    ("other", "is_clear"),
    [
        (image(2), False),
        (image(2, file_size=99), False),
        (image(2, file_size=97), True),
        (image(2, width=9), True),
        (image(2, file_digest="a"), True),
    ],
)
def test_images_that_differ_only_in_age_or_in_a_few_bytes_leave_no_clear_favourite(other, is_clear):
    assert explain_keeper(image(file_digest="a"), [other]).is_clear == is_clear


def test_a_site_chooses_its_criteria(settings):
    settings.HASHING = {"KEEPER": ["folder:originals/", "format:webp", "newest"]}
    original = ImageAsset(pk=3, image="originals/1.png", file_format="PNG", created_at=NEW_YEAR)
    webp, jpeg = image(2, file_format="WEBP"), image(1, width=900, file_size=9000)
    ranked = [CandidateRow.of(asset).ranked for asset in (jpeg, webp, original)]
    assert best_first(ranked, set()) == [3, 2, 1]
    assert explain_keeper(original, [webp, jpeg]).text == "in originals/"
    assert is_better(webp, jpeg)
    assert not is_better(webp, original)
