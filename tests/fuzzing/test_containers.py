from __future__ import annotations

import pytest

from fuzzing.containers import CONTAINERS
from fuzzing.seeds import seed_files
from hashing.fingerprint.opening import FORMATS


@pytest.mark.parametrize(("name", "content"), seed_files())
def test_files_are_taken_apart_and_put_together_again(name, content):
    take_apart, put_together = CONTAINERS[name]
    parts = take_apart(content)
    # A raw codestream is no container.
    assert len(parts) > 2 or content[:2] == b"\xff\x4f"
    assert put_together(parts) == content


def test_every_format_that_is_read_has_a_seed_file():
    assert {name for name, _content in seed_files()} == set(FORMATS)
