from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from samples.pictures import photo


@pytest.fixture
def photograph(media) -> Callable[[str], Path]:
    """Makes an image file without a row."""

    def make(name: str) -> Path:
        path = media / name
        path.parent.mkdir(parents=True, exist_ok=True)
        photo(size=(160, 120)).save(path, "JPEG")
        return path

    return make
