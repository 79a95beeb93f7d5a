from __future__ import annotations

import pytest

from hashing.models import ImageAsset
from tests.backfill.outcomes import Writer


@pytest.fixture
def writer() -> Writer:
    return Writer(ImageAsset, "default")
