from __future__ import annotations

import random
import sys
import time
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
    """Another one at each run; its seed is in the output of a test that fails."""
    seed = time.time_ns() % 1_000_000
    sys.stdout.write(f"seed {seed}\n")
    return random.Random(seed)
