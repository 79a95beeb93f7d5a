from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from servers.site import site_database
from tests.faults.harness import Library


@pytest.fixture
def library(tmp_path, migrated_database) -> Iterator[Library]:
    with site_database(tmp_path, migrated_database) as url:
        made = Library.create_in(tmp_path, url)
        yield made
        made.end_all()


@pytest.fixture
def dice() -> random.Random:
    """Random numbers that follow the seed that pytest-randomly prints."""
    return random.Random(random.random())
