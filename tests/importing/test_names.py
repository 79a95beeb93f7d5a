from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from django.core.files.storage import InMemoryStorage
from hypothesis import assume, given
from hypothesis import strategies as st

from hashing.importing.names import MAX_PART_BYTES, CopyNames, InPlaceNames
from hashing.importing.walk import FoundImage

part = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\x00"), min_size=1, max_size=12).filter(
    lambda text: text not in {".", ".."}
)
long_part = st.tuples(part, st.sampled_from(["x", "写", "😀", "a b"]), st.integers(0, 90)).map(
    lambda made: made[0] + made[1] * made[2] + ".jpg"
)
relative_path = st.lists(part, min_size=1, max_size=3).map(lambda parts: PurePosixPath(*parts))


def name(relative: PurePosixPath, root: str = "/home/me/photos") -> str:
    return CopyNames(Path(root), InMemoryStorage()).name(FoundImage(relative))


def test_a_plain_path_stays_readable():
    assert name(PurePosixPath("2024/beach.jpg")).startswith("imported/photos-")
    assert name(PurePosixPath("2024/beach.jpg")).endswith("/2024/beach.jpg")


def test_folders_of_the_same_name_have_different_names_in_the_storage():
    assert name(PurePosixPath("a.jpg"), "/one/photos") != name(PurePosixPath("a.jpg"), "/two/photos")


@given(relative_path, relative_path)
def test_no_two_files_share_a_name(first, second):
    assume(first != second)
    assert name(first) != name(second)


@given(st.lists(long_part, min_size=2, max_size=2, unique=True))
def test_long_names_are_shortened_and_stay_distinct(parts):
    first, second = (name(PurePosixPath("folder", each)) for each in parts)
    assert first != second
    for made, original in zip((first, second), parts, strict=True):
        assert max(len(each.encode()) for each in made.split("/")) <= MAX_PART_BYTES
        assert made == name(PurePosixPath("folder", original))
        assert made.endswith(".jpg")
        assert InMemoryStorage().generate_filename(made) == made


def test_a_name_from_a_file_system_that_counts_characters_is_shortened():
    assert name(PurePosixPath("写" * 200 + ".jpg")).rpartition("/")[2].startswith("写" * 70)
    assert len(name(PurePosixPath("写" * 200 + ".jpg")).rpartition("/")[2].encode()) <= MAX_PART_BYTES


def test_a_long_root_and_a_long_suffix_are_shortened_too():
    made = name(PurePosixPath(f"a b.{'x' * 240}"), root=f"/home/{'写' * 80}x y")
    assert max(len(each.encode()) for each in made.split("/")) <= MAX_PART_BYTES


@given(relative_path)
def test_the_storage_accepts_every_name(relative):
    made = name(relative)
    assert InMemoryStorage().generate_filename(made) == made


def test_a_name_in_place_is_the_path_below_the_media_root():
    assert InPlaceNames(Path("old stuff")).name(FoundImage(PurePosixPath("a.jpg"))) == "old stuff/a.jpg"


def test_a_name_that_looks_like_another_with_a_digest_differs_from_it():
    odd = name(PurePosixPath("a b.jpg")).rpartition("/")[2]
    assert name(PurePosixPath("a b.jpg")) != name(PurePosixPath(odd))


@pytest.mark.parametrize("odd", ["a b.jpg", "a_b.jpg", "a'b.jpg", "ab.jpg", "a\nb.jpg", "???.jpg"])
def test_an_odd_name_keeps_its_suffix(odd):
    assert name(PurePosixPath(odd)).endswith("jpg")
