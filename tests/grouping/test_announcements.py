"""Signals that are sent to the site about groups and decisions."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from hashing.grouping import find_duplicates
from hashing.grouping.decisions import decide_different, decide_same, delete_decisions, keep, undo
from hashing.models import DuplicateGroup, PairDecision
from hashing.signals import duplicates_found, pair_decided
from tests.conftest import refuse

pytestmark = pytest.mark.django_db(transaction=True)

SAME, DIFFERENT = PairDecision.Verdict.SAME, PairDecision.Verdict.DIFFERENT


@pytest.fixture
def editor(db):
    return User.objects.create_user("editor")


def test_search_announces_groups_that_are_new_or_have_grown(add_hashed, listen):
    for picture in (0, 0, 1, 1):
        add_hashed(picture)
    sent = listen(duplicates_found)
    find_duplicates()
    [found] = sent
    assert (found["asset"], found["using"]) == (None, "default")
    assert list(found["groups"]) == list(DuplicateGroup.objects.order_by("pk"))
    find_duplicates()
    assert len(sent) == 1
    late = add_hashed(1)
    find_duplicates()
    assert list(sent[1]["groups"]) == [DuplicateGroup.objects.get(members__asset=late)]


def test_dry_run_announces_nothing(add_hashed, listen):
    add_hashed(0), add_hashed(0)
    sent = listen(duplicates_found)
    find_duplicates(dry_run=True)
    assert sent == []


def verdicts(sent):
    return [(each["pair"], each["verdict"], each["duplicate"], each["is_undone"]) for each in sent]


def test_decisions_are_announced_with_their_user(add_hashed, editor, listen):
    first, second, third = (add_hashed(0).pk for _ in range(3))
    find_duplicates()
    sent = listen(pair_decided)
    decide_same(DuplicateGroup.objects.get(), second, editor.pk)
    assert verdicts(sent) == [((first, second), SAME, second, False)]
    assert (sent[0]["user"], sent[0]["using"]) == (editor, "default")
    sent.clear()
    decide_different(DuplicateGroup.objects.get(), third, editor.pk)
    assert verdicts(sent) == [((first, third), DIFFERENT, None, False)]


def test_undone_decision_is_announced_with_what_holds_again(add_hashed, editor, listen):
    first, second = (add_hashed(0).pk for _ in range(2))
    find_duplicates()
    decide_same(DuplicateGroup.objects.get(), second, editor.pk)
    sent = listen(pair_decided)
    batch = keep(DuplicateGroup.objects.get(), second, editor.pk)
    assert verdicts(sent) == [((first, second), SAME, first, False)]
    sent.clear()
    undo(batch, editor.pk)
    assert verdicts(sent) == [((first, second), SAME, second, True)]


def test_superseded_and_deleted_decisions_are_announced(add_hashed, editor, listen):
    first, second, third = (add_hashed(0).pk for _ in range(3))
    find_duplicates()
    keep(DuplicateGroup.objects.get(), first, editor.pk)
    sent = listen(pair_decided)
    keep(DuplicateGroup.objects.get(), second, editor.pk)
    assert ((first, third), None, None, False) in verdicts(sent)
    sent.clear()
    delete_decisions({(first, second)}, "default", editor.pk)
    assert verdicts(sent) == [((first, second), None, None, True)]
    assert sent[0]["user"] == editor


def test_refused_decision_is_not_announced(add_hashed, editor, listen):
    _first, second = (add_hashed(0).pk for _ in range(2))
    find_duplicates()
    sent = listen(pair_decided)
    with transaction.atomic():
        decide_same(DuplicateGroup.objects.get(), second, editor.pk)
        transaction.set_rollback(True)
    assert sent == []


def test_decision_stands_where_a_receiver_raises(add_hashed, editor, listen, caplog):
    _first, second = (add_hashed(0).pk for _ in range(2))
    find_duplicates()
    listen(pair_decided, refuse)
    decide_same(DuplicateGroup.objects.get(), second, editor.pk)
    assert PairDecision.objects.count() == 1
    assert "the receiver is broken" in caplog.text
