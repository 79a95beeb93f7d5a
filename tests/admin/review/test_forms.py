from __future__ import annotations

import pytest

from hashing.models import PairDecision
from tests.admin.review.conftest import ask, form_of, keys_of

pytestmark = pytest.mark.any_database


@pytest.mark.parametrize("batch", ["", "x", "1", "0" * 31])
def test_undo_without_a_valid_batch_is_a_bad_request(reviewer, add_group, batch):
    add_group()
    assert ask(reviewer, {"batch": batch}, "undo").status_code == 400


@pytest.mark.parametrize(
    "change",
    [{"same": "x"}, {"same": ""}, {"same": "1" * 30}, {"same": -1}, {"keeper": ""}, {"size": "two"}, {"batch": "x"}],
)
def test_invalid_values_are_a_bad_request(reviewer, add_group, change):
    group = add_group()
    assert ask(reviewer, form_of(group, "same", keys_of(group)[1]) | change).status_code == 400
    assert PairDecision.objects.count() == 0


def test_two_verdicts_or_none_are_a_bad_request(reviewer, add_group):
    group = add_group()
    key = keys_of(group)[1]
    assert ask(reviewer, form_of(group, "same", key) | {"different": key}).status_code == 400
    data = form_of(group, "same", key)
    del data["same"]
    assert ask(reviewer, data).status_code == 400


@pytest.mark.parametrize("name", ["keeper", "size", "open_count", "newest_decision", "batch"])
def test_form_without_a_hidden_field_is_a_bad_request(reviewer, add_group, name):
    group = add_group()
    data = form_of(group, "keep", group.keeper_id)
    del data[name]
    assert ask(reviewer, data).status_code == 400
    assert not PairDecision.objects.exists()


@pytest.mark.parametrize("name", ["keeper", "same", "size", "open_count", "newest_decision", "last_member"])
def test_number_beyond_64_bits_is_a_bad_request(reviewer, add_group, name):
    group = add_group()
    data = form_of(group, "same", keys_of(group)[1])
    assert ask(reviewer, data | {name: 2**63}).status_code == 400
    assert ask(reviewer, data | {name: 2**63 - 1}).status_code in {200, 409}
