from __future__ import annotations

import pytest

from hashing.admin import columns
from hashing.models import ImageAsset
from hashing.templatetags.hashing_admin import name_parts, shorten_middle


@pytest.mark.parametrize(
    ("text", "shown"),
    [("IMG_20240102~2.jpg", "IMG_20240102~2.jpg"), ("IMG_20240102_123456~2.jpg", "IMG_2024010…23456~2.jpg")],
)
def test_long_name_keeps_its_start_and_its_end(text, shown):
    assert shorten_middle(text, 23) == shown


def test_names_of_cameras_are_shown_whole():
    name = "PXL_20241126_183014123.PORTRAIT-01.COVER-EFFECTS.jpg"
    assert name_parts(f"2024/{name}").shown_file == name


def test_folder_is_the_path_without_the_file():
    assert name_parts("a/b/c.jpg")[:2] == ("a/b", "c.jpg")
    assert name_parts("c.jpg").folder == ""


def test_line_of_a_list_may_end_after_each_folder():
    assert "2024/<wbr>summer/</bdi>" in columns.name(ImageAsset(image="2024/summer/a.jpg"))
