from __future__ import annotations

import pytest
from django.db import IntegrityError, OperationalError, connection

from hashing.backfill.writer import MAX_LOCKED_ROWS, DatabaseUnavailable
from hashing.db import retry
from hashing.models import ImageAsset
from hashing.workers.worker import Outcome
from tests.backfill.outcomes import add, hashed
from tests.db.faults import (
    FailingOnce,
    cut_connection,
    full_database,
    locked_rows,
    only_postgresql,
    read_only_database,
    refused_row,
    role_with_policy,
    role_without,
)


@pytest.mark.django_db(transaction=True)
def test_refused_row_does_not_affect_the_others(writer):
    assets = [add(f"{number}.jpg") for number in range(3)]
    with refused_row(assets[1].pk):
        kept = writer.write([hashed(asset) for asset in assets])
    assert [bool(outcome.error) for outcome in kept] == [False, True, False]
    assert "this row is refused" in kept[1].error
    assert ImageAsset.objects.hashed().count() == 2


@pytest.mark.django_db(transaction=True)
def test_lost_database_is_unavailable(writer):
    outcomes = [hashed(add(f"{number}.jpg")) for number in range(MAX_LOCKED_ROWS + 1)]

    def refuse(*_arguments):
        raise OperationalError("server closed the connection")

    with (
        connection.execute_wrapper(refuse),
        pytest.raises(DatabaseUnavailable, match="The database cannot be written: server"),
    ):
        writer.write(outcomes)


@pytest.mark.django_db
def test_refused_batch_does_not_break_the_callers_transaction(writer):
    assets = [add(f"{number}.jpg") for number in range(3)]
    with refused_row(assets[1].pk):
        kept = writer.write([hashed(asset) for asset in assets])
    assert [bool(outcome.error) for outcome in kept] == [False, True, False]
    assert ImageAsset.objects.hashed().count() == 2


@pytest.fixture
def no_delays(monkeypatch):
    monkeypatch.setattr(retry.retry_transient, "__defaults__", ((0,),))


@pytest.mark.django_db(transaction=True)
def test_locked_row_is_not_marked_and_does_not_affect_the_others(writer, no_delays):
    assets = [add(f"{number}.jpg") for number in range(3)]
    with locked_rows(assets[1].pk):
        kept = writer.write([hashed(asset) for asset in assets])
    assert [bool(outcome.error) for outcome in kept] == [False, True, False]
    assert "\n" not in kept[1].error
    assert ImageAsset.objects.never_tried().get() == assets[1]


@pytest.mark.django_db(transaction=True)
def test_many_consecutive_locked_rows_mean_that_the_database_is_unavailable(writer, no_delays):
    assets = [add(f"{number}.jpg") for number in range(MAX_LOCKED_ROWS + 3)]
    with locked_rows(*(asset.pk for asset in assets[:-1])), pytest.raises(DatabaseUnavailable):
        writer.write([hashed(asset) for asset in assets])
    assert not ImageAsset.objects.failed().exists()


@pytest.mark.django_db(transaction=True)
def test_only_consecutive_locked_rows_are_counted(writer, no_delays):
    assets = [add(f"{number}.jpg") for number in range(2 * (MAX_LOCKED_ROWS + 1))]
    with locked_rows(*(asset.pk for asset in assets[::2])):
        for asset in assets:
            assert len(writer.write([hashed(asset)])) == 1
    assert ImageAsset.objects.hashed().count() == MAX_LOCKED_ROWS + 1


@pytest.mark.django_db(transaction=True)
def test_only_consecutive_locked_rows_of_a_batch_are_counted(writer, no_delays):
    assets = [add(f"{number}.jpg") for number in range(2 * (MAX_LOCKED_ROWS + 1))]
    with locked_rows(*(asset.pk for asset in assets[::2])):
        kept = writer.write([hashed(asset) for asset in assets])
    assert [bool(outcome.error) for outcome in kept] == [True, False] * (MAX_LOCKED_ROWS + 1)


@pytest.mark.django_db(transaction=True)
def test_locked_rows_are_counted_across_batches(writer, no_delays):
    assets = [add(f"{number}.jpg") for number in range(MAX_LOCKED_ROWS + 1)]
    with locked_rows(*(asset.pk for asset in assets)):
        for asset in assets[:-1]:
            writer.write([hashed(asset)])
        with pytest.raises(DatabaseUnavailable):
            writer.write([hashed(assets[-1])])


@pytest.mark.django_db(transaction=True)
def test_deadlock_is_retried(writer, monkeypatch):
    monkeypatch.setattr(retry.time, "sleep", lambda _: None)
    assets = [add(f"{number}.jpg") for number in range(3)]

    def fail() -> None:
        raise OperationalError("deadlock detected")

    deadlock = FailingOnce("UPDATE", fail)
    with connection.execute_wrapper(deadlock):
        kept = writer.write([hashed(asset) for asset in assets])
    assert [outcome.error for outcome in kept] == ["", "", ""]
    assert ImageAsset.objects.hashed().count() == 3


@only_postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("at", ["UPDATE", "SELECT"])
def test_cut_connection_is_replaced(writer, at):
    replaced, kept = add("old.jpg"), add("b.jpg")
    outcomes = [hashed(replaced), hashed(kept)]
    ImageAsset.objects.filter(pk=replaced.pk).update(image="new.jpg")
    with connection.execute_wrapper(FailingOnce(at, cut_connection)):
        assert writer.write(outcomes) == outcomes[1:]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("batch", [1, 3])
def test_read_only_database_is_unavailable_and_no_row_is_marked(writer, batch):
    assets = [add(f"{number}.jpg") for number in range(batch)]
    with read_only_database(), pytest.raises(DatabaseUnavailable, match=r"(?i)read-?only"):
        writer.write([hashed(asset) for asset in assets])
    assert ImageAsset.objects.never_tried().count() == batch


@pytest.mark.django_db(transaction=True)
def test_full_database_is_unavailable_and_no_row_is_marked(writer):
    assets = [add(f"{number}.jpg") for number in range(3)]
    long = Outcome(assets[0].pk, "0.jpg", error="x" * 9_000_000)
    with full_database(), pytest.raises(DatabaseUnavailable, match=r"full|No space"):
        writer.write([long, *map(hashed, assets[1:])])
    assert ImageAsset.objects.never_tried().count() == 3


@only_postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [1, 4])
def test_database_is_unavailable_to_a_role_without_the_privilege(writer, count):
    assets = [add(f"{number}.jpg") for number in range(count)]
    with role_without("UPDATE"), pytest.raises(DatabaseUnavailable, match="permission denied for table"):
        writer.write([hashed(asset) for asset in assets])
    assert ImageAsset.objects.never_tried().count() == count


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_row_refused_by_a_policy_does_not_affect_the_others(writer):
    assets = [add(f"{number}.jpg") for number in range(3)]
    with role_with_policy(f"id <> {assets[1].pk}"):
        kept = writer.write([hashed(asset) for asset in assets])
    assert [bool(outcome.error) for outcome in kept] == [False, True, False]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_refused_row_gets_the_reason(writer, count):
    assets = [add(f"{number}.jpg") for number in range(count)]
    with refused_row(assets[0].pk, condition="NEW.width IS NOT NULL"):
        kept = writer.write([hashed(asset) for asset in assets])
    assert [bool(outcome.error) for outcome in kept] == [True] + [False] * (count - 1)
    row = ImageAsset.objects.failed().get()
    assert row == assets[0]
    assert row.hash_error == kept[0].error
    assert "this row is refused" in row.hash_error
    assert row.hashed_at is not None
    assert not ImageAsset.objects.never_tried().exists()


@pytest.mark.django_db(transaction=True)
def test_refused_row_that_was_replaced_is_skipped(writer):
    asset = add("old.jpg")
    outcome = hashed(asset)

    def replace() -> None:
        ImageAsset.objects.filter(pk=asset.pk).update(image="new.jpg")
        raise IntegrityError("refused")

    class Replacing(FailingOnce):
        def __call__(self, execute, sql, params, many, context):
            # Once for the batch, once for the row alone.
            if "perceptual_hash" in sql and self.calls < 2:
                self.calls += 1
                raise IntegrityError("refused")
            if self.calls == 2:
                self.calls += 1
                ImageAsset.objects.filter(pk=asset.pk).update(image="new.jpg")
            return execute(sql, params, many, context)

    with connection.execute_wrapper(Replacing("", replace)):
        assert writer.write([outcome]) == []
    assert not ImageAsset.objects.failed().exists()
