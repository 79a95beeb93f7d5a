from __future__ import annotations

from collections import Counter
from io import BytesIO
from random import Random

import pytest

from fuzzing.__main__ import kind_of, outcomes
from fuzzing.mutations import mutated, mutated_file
from fuzzing.seeds import seed_files
from hashing.perceptual_hash import compute_fingerprint

FILES = 2_000


@pytest.mark.parametrize(("name", "content"), seed_files())
def test_seed_files_can_be_hashed(name, content):
    assert compute_fingerprint(BytesIO(content)).width


def test_a_seed_always_gives_the_same_file():
    assert mutated_file(5) == mutated_file(5)
    assert len({mutated_file(seed)[1] for seed in range(50)}) > 45


@pytest.mark.parametrize("name", sorted({name for name, _content in seed_files()}))
def test_a_file_of_which_nothing_is_left_can_be_changed(name):
    for seed in range(20):
        assert isinstance(mutated(name, b"", Random(seed)), bytes)


@pytest.mark.slow
def test_workers_answer_mutated_files_with_a_hash_or_a_value_error():
    counts = Counter(kind_of(outcome) for outcome in outcomes(range(FILES), timeout=20))
    assert counts.keys() == {"hash", "ValueError"}
    assert counts.total() == FILES
    assert min(counts.values()) > FILES / 10
