from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from hashing.importing.exclusions import Exclusions, is_thumbnail
from hashing.importing.walk import FoundImage, LeftOut, walk_images
from tests.importing.test_walk import touch


def taken(root: Path, *patterns: str, **options: bool) -> set[str]:
    walked = walk_images(root, Exclusions(patterns, **options))
    return {str(file.relative) for file in walked if isinstance(file, FoundImage)}


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("raw", {"a.jpg", "b.png", "sub/a.jpg", "sub/rawness.jpg"}),
        ("raw/", {"a.jpg", "b.png", "sub/a.jpg", "sub/rawness.jpg"}),
        ("a.jpg/", {"a.jpg", "b.png", "raw/c.jpg", "sub/a.jpg", "sub/raw/d.jpg", "sub/rawness.jpg"}),
        ("/raw", {"a.jpg", "b.png", "sub/a.jpg", "sub/raw/d.jpg", "sub/rawness.jpg"}),
        ("sub/raw", {"a.jpg", "b.png", "raw/c.jpg", "sub/a.jpg", "sub/rawness.jpg"}),
        ("*.png", {"a.jpg", "raw/c.jpg", "sub/a.jpg", "sub/raw/d.jpg", "sub/rawness.jpg"}),
        ("[ab].*", {"raw/c.jpg", "sub/raw/d.jpg", "sub/rawness.jpg"}),
        ("*/a.jpg", {"a.jpg", "b.png", "raw/c.jpg", "sub/raw/d.jpg", "sub/rawness.jpg"}),
        ("**/a.jpg", {"b.png", "raw/c.jpg", "sub/raw/d.jpg", "sub/rawness.jpg"}),
        ("sub/**/*.jpg", {"a.jpg", "b.png", "raw/c.jpg"}),
        ("RAW", {"a.jpg", "b.png", "raw/c.jpg", "sub/a.jpg", "sub/raw/d.jpg", "sub/rawness.jpg"}),
    ],
)
def test_a_pattern_leaves_out_matching_files(tmp_path, pattern, left):
    touch(tmp_path, "a.jpg", "b.png", "raw/c.jpg", "sub/a.jpg", "sub/raw/d.jpg", "sub/rawness.jpg")
    assert taken(tmp_path, pattern) == left


def test_several_patterns_add_up(tmp_path):
    touch(tmp_path, "a.jpg", "b.png", "c.webp")
    assert taken(tmp_path, "*.png", "c.*") == {"a.jpg"}


@pytest.mark.parametrize("pattern", ["", "/", "./", "//"])
def test_a_pattern_that_names_nothing_is_refused(pattern):
    with pytest.raises(ValueError, match="names no file"):
        Exclusions([pattern])


@pytest.mark.parametrize("folder", ["@eaDir", "#recycle", "$RECYCLE.BIN", "lost+found", "__MACOSX", ".previews"])
def test_folders_of_the_system_are_left_out_at_any_depth(tmp_path, folder):
    touch(tmp_path, "a.jpg", f"{folder}/x.jpg", f"sub/{folder}/deep/x.jpg")
    assert taken(tmp_path, include_thumbnails=True) == {"a.jpg"}


@pytest.mark.parametrize(
    "path",
    [
        "CACHE/images/uploads/photo/0a1b2c.jpg",
        "uploads/photo.jpg.100x100_q85.jpg",
        "uploads/photo.jpg.300x0_q85_crop-smart_upscale.png",
        "uploads/thumbs/photo.jpg.100x100_q85_autocrop.jpg",
        "filer_public_thumbnails/filer_public/ab/cd/photo.jpg__180x180_q85_subsampling-2.jpg",
        "cache/0a/1b/0a1b2c3d4e5f60718293a4b5c6d7e8f9.jpg",
        "__sized__/uploads/photo-thumbnail-100x100-70.jpg",
        "images/photo.max-165x165.jpg",
        "images/photo.width-800.format-webp.webp",
        "images/photo.2e16d0ba.fill-300x200-c100.jpg",
        "images/photo.original.jpg",
        "uploads/thumbs/photo.jpg",
        "uploads/_thumbs/photo.jpg",
    ],
)
def test_thumbnails_of_other_apps_are_left_out_by_default(tmp_path, path):
    originals = {"original_images/photo.jpg", "uploads/photo.jpg"}
    touch(tmp_path, path, *originals)
    assert taken(tmp_path) == originals
    assert taken(tmp_path, include_thumbnails=True) == {path, *originals}
    reasons = [file.reason for file in walk_images(tmp_path) if isinstance(file, LeftOut)]
    assert reasons == ["thumbnail of another app"]


@pytest.mark.parametrize(
    "path",
    [
        "thumbs/portrait.jpg",
        "thumbnails/course.png",
        "cache/photo.jpg",
        "cache/0a/1b/photo.jpg",
        "cache/0a/1b/ffffffffffffffffffffffffffffffff.jpg",
        "CACHE/photo.jpg",
        "images/photo.jpg",
        "images/beach-1920x1080.jpg",
        "wallpapers/1920x1080.jpg",
        "uploads/photo.max-165x165.jpg",
        "images/lost+found.jpg",
        "uploads/scan.100x100.jpg",
        "Thumbs/portrait.jpg",
    ],
)
def test_pictures_with_similar_names_are_imported(tmp_path, path):
    touch(tmp_path, path, "original_images/other.jpg")
    assert path in taken(tmp_path)


def test_images_are_no_renditions_without_the_folder_of_the_originals(tmp_path):
    touch(tmp_path, "images/photo.max-165x165.jpg")
    assert taken(tmp_path) == {"images/photo.max-165x165.jpg"}


def test_a_folder_of_renditions_that_is_the_root_itself_is_known_by_its_neighbour(tmp_path):
    touch(tmp_path, "images/photo.max-165x165.jpg", "original_images/photo.jpg")
    assert is_thumbnail(tmp_path / "images", PurePosixPath("photo.max-165x165.jpg"))
