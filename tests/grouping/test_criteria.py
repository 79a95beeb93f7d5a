from __future__ import annotations

import pytest

from hashing.grouping.criteria import CRITERIA, OLDEST, UnknownCriterion, parse_criteria


def test_the_oldest_image_is_kept_where_no_criterion_decides():
    assert parse_criteria(("pixels",)) == (CRITERIA["pixels"], OLDEST)
    assert parse_criteria(("oldest", "pixels")) == (OLDEST, CRITERIA["pixels"])


@pytest.mark.parametrize("name", ["", "size", "pixels:", "pixels:5", "folder", "folder:", "format:", 7, None])
def test_an_unknown_criterion_is_an_error_that_lists_the_known_ones(name):
    with pytest.raises(UnknownCriterion, match=r"is none of pixels, source, metadata, .*folder:"):
        parse_criteria((name,))


def test_a_folder_may_have_any_name():
    (criterion, _oldest) = parse_criteria(("folder:a:b/{c}",))
    assert str(criterion.reason) == "in a:b/{c}"
