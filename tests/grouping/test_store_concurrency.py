"""Groups are stored while uploads, replacements and deletions go on in other connections."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, connections, transaction

from hashing.fingerprint.similarity import Match
from hashing.grouping import find_duplicates, store
from hashing.grouping.finder import FoundGroup, FoundMember
from hashing.grouping.group_rows import append_members, groups_locked
from hashing.grouping.incremental import update_groups
from hashing.grouping.store import store_groups
from hashing.models import DuplicateGroup, ImageAsset
from tests.db.faults import only_postgresql, other_session
from tests.grouping.conftest import stored_groups

pytestmark = pytest.mark.django_db(transaction=True)


def member(asset: ImageAsset) -> FoundMember:
    return FoundMember(asset.pk, Match(1), is_same=False, file_size=1000)


@pytest.fixture
def in_between(monkeypatch) -> Callable[[Callable[[], object]], None]:
    """Has something done once, when the groups have lost what they must lose, and before they get what they lack."""

    def arrange(happens: Callable[[], object]) -> None:
        def locked(using, work, *arguments):
            result = original(using, work, *arguments)
            if work is store.drop_and_change:
                happens()
            return result

        monkeypatch.setattr(store, "with_groups_locked", locked)

    original = store.with_groups_locked
    return arrange


@pytest.fixture
def group(add_hashed) -> tuple[ImageAsset, list[FoundMember]]:
    """A stored group of two, and the members that it is about to get."""
    keeper, first, second = add_hashed(), add_hashed(), add_hashed()
    store_groups([FoundGroup(keeper.pk, [member(first)])], "default")
    return keeper, [member(first), member(second)]


def test_image_that_joins_a_group_in_the_meantime_stays(group, add_hashed, in_between):
    keeper, members = group
    late = add_hashed()

    def join() -> None:
        with groups_locked("default"):
            append_members({DuplicateGroup.objects.get().pk: [member(late)]}, "default")

    in_between(join)
    store_groups([FoundGroup(keeper.pk, members)], "default")
    assert stored_groups() == {keeper.pk: {keeper.pk, late.pk, *(each.key for each in members)}}
    assert sorted(DuplicateGroup.objects.get().members.values_list("position", flat=True)) == [0, 1, 2, 3]


def test_image_that_joins_another_group_in_the_meantime_stays_there(group, add_hashed, in_between):
    keeper, members = group
    other = FoundGroup(add_hashed().pk, [members[1]])
    in_between(lambda: store_groups([other], "default", among=[]))
    store_groups([FoundGroup(keeper.pk, members)], "default")
    assert stored_groups() == {
        keeper.pk: {keeper.pk, members[0].key},
        other.keeper: {other.keeper, members[1].key},
    }


def test_keeper_that_joins_another_group_in_the_meantime_gets_no_group(add_hashed, monkeypatch):
    keeper, copy, best = add_hashed(), add_hashed(), add_hashed()
    find_all_stored = store.read_keepers

    def store_another_group(using):
        found = find_all_stored(using)
        store_groups([FoundGroup(best.pk, [member(keeper)])], using, among=[])
        return found

    monkeypatch.setattr(store, "read_keepers", store_another_group)
    store_groups([FoundGroup(keeper.pk, [member(copy)])], "default")
    assert stored_groups() == {best.pk: {best.pk, keeper.pk}}


def test_group_deleted_in_the_meantime_gets_no_members(group, in_between):
    keeper, members = group
    in_between(lambda: store_groups([], "default"))
    store_groups([FoundGroup(keeper.pk, members)], "default")
    assert stored_groups() == {}


@only_postgresql
def test_row_being_deleted_by_another_connection_is_left_out(add_hashed):
    keeper, first, gone = add_hashed(), add_hashed(), add_hashed()
    with other_session() as other:
        other.execute("BEGIN")
        other.execute("DELETE FROM hashing_imageasset WHERE id = %s", [gone.pk])
        waiting = in_thread(lambda: store_groups([FoundGroup(keeper.pk, [member(first), member(gone)])], "default"))
        wait_for_a_lock()
        other.execute("COMMIT")
        waiting()
    assert stored_groups() == {keeper.pk: {keeper.pk, first.pk}}


@only_postgresql
def test_runs_and_uploads_at_the_same_time(add_hashed):
    def upload() -> None:
        for _ in range(25):
            update_groups([add_hashed(flips=1).pk], "default", rehashed=True)

    add_hashed(width=200), add_hashed()
    find_duplicates()
    finish = in_thread(upload)
    for _ in range(12):
        # So that there is something to add in every run.
        add_hashed()
        find_duplicates()
    finish()
    find_duplicates()
    assert [len(keys) for keys in stored_groups().values()] == [2 + 25 + 12]


def in_thread(work: Callable[[], object]) -> Callable[[], None]:
    """Starts `work` on a connection of its own. What is returned waits for its end, and raises what it has raised."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    def finish() -> None:
        thread.join(30)
        assert not thread.is_alive()
        if errors:
            raise errors[0]

    thread = threading.Thread(target=run)
    thread.start()
    return finish


def wait_for_a_lock() -> None:
    waiting = threading.Event()
    for _ in range(500):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        waiting.wait(0.02)
    raise AssertionError("nobody waits for a lock")
