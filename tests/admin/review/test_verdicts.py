from __future__ import annotations

import pytest

from hashing.admin.review.verdicts import VERDICTS
from hashing.models import PairDecision
from tests.admin.review.conftest import ask, form_of, keys_of, review_address

BY_NAME = pytest.mark.parametrize("verdict", VERDICTS, ids=lambda verdict: verdict.name)


def test_names_and_keys_are_unique():
    assert len({verdict.name for verdict in VERDICTS}) == len({verdict.key for verdict in VERDICTS}) == len(VERDICTS)


@BY_NAME
def test_every_verdict_has_a_button_and_a_key(reviewer, add_group, verdict):
    key = keys_of(add_group())[1]
    text = reviewer.get(review_address("changelist")).text
    assert f'<button name="{verdict.name}" value="{key}" data-key="{verdict.key}"' in text
    assert f"<dt><kbd>{verdict.key}</kbd></dt><dd>{verdict.help_text}</dd>" in text


@BY_NAME
def test_decisions_of_a_verdict_are_recognized_as_its_own(reviewer, add_group, verdict):
    group = add_group()
    keeper, one, _other = keys_of(group)
    ask(reviewer, form_of(group, verdict.name, one))
    for other in VERDICTS:
        is_own = PairDecision.objects.filter(other.decisions_on([one], keeper)).exists()
        assert is_own is (other == verdict)
