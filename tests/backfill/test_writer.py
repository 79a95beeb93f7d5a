from __future__ import annotations

from contextlib import closing, contextmanager

import psycopg
import pytest
from django.db import IntegrityError, OperationalError, connection

from hashing.backfill.writer import LOCKED_ROWS_BEFORE_OUTAGE, DatabaseUnavailable, OutcomeWriter
from hashing.db import retry
from hashing.fingerprint.fingerprint import HASH_VERSION, Fingerprint
from hashing.models import ImageAsset
from hashing.signals import files_replaced
from hashing.workers.worker import Outcome
from tests.db.faults import FailingOnce, cut_connection, only_postgresql, refused_row, setting


class Writer(OutcomeWriter):
    def write(self, outcomes, version=0):
        return list(super().write(outcomes, {outcome.pk: version for outcome in outcomes}))


FINGERPRINT = Fingerprint("0f" * 8, "f0" * 8, "3c" * 32, 80, 640, 480)
DIGEST = "a5" * 32
STORED = (DIGEST, "0" * 64, None)


@pytest.fixture
def writer():
    return Writer(ImageAsset, "default")


def hashed(asset: ImageAsset) -> Outcome:
    return Outcome(asset.pk, asset.image.name, FINGERPRINT, 1234, file_digest=DIGEST)


def add(name: str, **fields) -> ImageAsset:
    return ImageAsset.objects.bulk_create([ImageAsset(image=name, **fields)])[0]


@pytest.mark.django_db
def test_a_fingerprint_is_written_with_all_its_facts(writer):
    asset = add("a.jpg", hash_error="was missing")
    outcomes = [hashed(asset)]
    assert writer.write(outcomes) == outcomes
    asset.refresh_from_db()
    assert (asset.perceptual_hash, asset.vertical_hash, asset.hash_quality) == ("0f" * 8, "f0" * 8, 80)
    assert asset.detail_hash == "3c" * 32
    assert (asset.width, asset.height, asset.file_size, asset.file_digest) == (640, 480, 1234, DIGEST)
    assert (asset.hash_version, asset.hash_error) == (HASH_VERSION, "")
    assert asset.hashed_at is not None


@pytest.mark.django_db
def test_an_error_is_written_and_takes_an_old_hash_away(writer):
    asset = add("a.jpg", perceptual_hash="1" * 16, width=1, height=1)
    writer.write([Outcome(asset.pk, "a.jpg", error="ValueError: broken\nfile")])
    asset.refresh_from_db()
    assert (asset.perceptual_hash, asset.width, asset.hash_error) == (None, None, r"ValueError: broken\nfile")


@pytest.mark.django_db
def test_a_file_that_cannot_be_decoded_keeps_what_is_known_of_it(writer):
    asset = add("a.jpg", perceptual_hash="1" * 16, detail_hash="1" * 64)
    broken = Outcome(asset.pk, "a.jpg", None, 99, "ValueError: broken", file_digest=DIGEST, declared_size=(640, 480))
    writer.write([broken])
    asset.refresh_from_db()
    assert (asset.perceptual_hash, asset.detail_hash, asset.hash_version) == (None, None, None)
    assert (asset.width, asset.height, asset.file_size, asset.file_digest) == (640, 480, 99, DIGEST)


@pytest.mark.django_db
def test_nothing_is_kept_of_a_file_that_was_not_read(writer):
    asset = add("a.jpg", perceptual_hash="1" * 16, width=640, height=480, file_size=99, file_digest=DIGEST)
    writer.write([Outcome(asset.pk, "a.jpg", error="File not found at a.jpg", unread=True, missing=True)])
    asset.refresh_from_db()
    assert (asset.width, asset.height, asset.file_size, asset.file_digest) == (None, None, None, None)


@pytest.mark.django_db
def test_a_file_that_was_replaced_meanwhile_wins(writer):
    replaced, kept, deleted = add("old.jpg"), add("b.jpg"), add("c.jpg")
    outcomes = [hashed(replaced), hashed(kept), hashed(deleted)]
    ImageAsset.objects.filter(pk=replaced.pk).update(image="new.jpg")
    deleted.delete()
    assert writer.write(outcomes) == [outcomes[1]]
    replaced.refresh_from_db()
    assert replaced.perceptual_hash is None


@pytest.fixture
def replaced():
    keys = []

    def note(sender, **sent):
        keys.extend(sent["keys"])

    files_replaced.connect(note)
    yield keys
    files_replaced.disconnect(note)


@pytest.mark.django_db
def test_a_file_that_was_replaced_in_place_is_told_by_its_digest(writer, replaced):
    same, other, unknown = (add(f"{name}.jpg", file_digest=digest) for name, digest in zip("abc", STORED, strict=True))
    writer.write([hashed(asset) for asset in (same, other, unknown)])
    assert replaced == [other.pk]


@pytest.mark.django_db
def test_a_file_that_can_no_longer_be_decoded_was_replaced_in_place(writer, replaced):
    asset = add("a.jpg", perceptual_hash="1" * 16, file_digest="0" * 64)
    writer.write([Outcome(asset.pk, "a.jpg", file_size=1, error="ValueError: broken", file_digest=DIGEST)])
    assert replaced == [asset.pk]


@pytest.mark.django_db
def test_a_file_that_was_not_read_was_not_replaced(writer, replaced):
    asset = add("a.jpg", perceptual_hash="1" * 16, file_digest="0" * 64)
    writer.write([Outcome(asset.pk, "a.jpg", error="File not found at a.jpg", unread=True, missing=True)])
    assert replaced == []


@pytest.mark.django_db
def test_a_file_under_a_new_name_was_not_replaced_in_place(writer, replaced):
    asset = add("old.jpg", file_digest="0" * 64)
    outcome = hashed(asset)
    ImageAsset.objects.filter(pk=asset.pk).update(image="new.jpg", file_digest="1" * 64, perceptual_hash="1" * 16)
    replaced.clear()
    writer.write([outcome])
    assert replaced == []


@pytest.mark.django_db
def test_a_file_that_was_replaced_since_it_was_read_was_not_replaced_in_place(writer, replaced):
    asset = add("a.jpg", file_digest="1" * 64, file_version=1)
    assert writer.write([hashed(asset)], version=0) == []
    assert replaced == []


@pytest.mark.django_db
def test_a_file_that_was_replaced_under_its_name_wins(writer):
    replaced, kept = add("a.jpg", file_version=3), add("b.jpg", file_version=3)
    outcomes = [hashed(replaced), hashed(kept)]
    ImageAsset.objects.filter(pk=replaced.pk).update(file_version=4)
    assert writer.write(outcomes, version=3) == [outcomes[1]]
    replaced.refresh_from_db()
    assert replaced.perceptual_hash is None


@pytest.mark.django_db
def test_a_batch_is_written_in_one_statement_but_few(writer, django_assert_max_num_queries):
    outcomes = [hashed(add(f"{number}.jpg")) for number in range(50)]
    limit = 4 if connection.vendor == "postgresql" else 54
    with django_assert_max_num_queries(limit):
        assert len(writer.write(outcomes)) == 50


@pytest.mark.django_db(transaction=True)
def test_a_row_that_the_database_refuses_costs_only_itself(writer):
    assets = [add(f"{number}.jpg") for number in range(3)]
    with refused_row(assets[1].pk):
        kept = writer.write([hashed(asset) for asset in assets])
    assert [bool(outcome.error) for outcome in kept] == [False, True, False]
    assert "this row is refused" in kept[1].error
    assert ImageAsset.objects.hashed().count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_gone_is_an_outage(writer):
    outcomes = [hashed(add(f"{number}.jpg")) for number in range(LOCKED_ROWS_BEFORE_OUTAGE)]

    def refuse(*_arguments):
        raise OperationalError("server closed the connection")

    with (
        connection.execute_wrapper(refuse),
        pytest.raises(DatabaseUnavailable, match="The database cannot be written: server"),
    ):
        writer.write(outcomes)


@pytest.mark.django_db
def test_a_refused_batch_leaves_the_callers_transaction_sound(writer):
    assets = [add(f"{number}.jpg") for number in range(3)]
    with refused_row(assets[1].pk):
        kept = writer.write([hashed(asset) for asset in assets])
    assert [bool(outcome.error) for outcome in kept] == [False, True, False]
    assert ImageAsset.objects.hashed().count() == 2


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(retry.retry_transient, "__defaults__", ((0,),))


@pytest.mark.django_db(transaction=True)
def test_a_row_that_is_locked_costs_only_itself_and_is_not_marked(writer, at_once):
    assets = [add(f"{number}.jpg") for number in range(3)]
    with locked_rows(assets[1].pk):
        kept = writer.write([hashed(asset) for asset in assets])
    assert [bool(outcome.error) for outcome in kept] == [False, True, False]
    assert "\n" not in kept[1].error
    assert ImageAsset.objects.never_tried().get() == assets[1]


@pytest.mark.django_db(transaction=True)
def test_rows_that_are_locked_one_after_the_other_are_an_outage(writer, at_once):
    assets = [add(f"{number}.jpg") for number in range(LOCKED_ROWS_BEFORE_OUTAGE + 2)]
    with locked_rows(*(asset.pk for asset in assets[:-1])), pytest.raises(DatabaseUnavailable):
        writer.write([hashed(asset) for asset in assets])
    assert not ImageAsset.objects.failed().exists()


@pytest.mark.django_db(transaction=True)
def test_locked_rows_are_counted_in_a_row_and_not_over_the_whole_run(writer, at_once):
    assets = [add(f"{number}.jpg") for number in range(2 * LOCKED_ROWS_BEFORE_OUTAGE)]
    with locked_rows(*(asset.pk for asset in assets[::2])):
        for asset in assets:
            assert len(writer.write([hashed(asset)])) == 1
    assert ImageAsset.objects.hashed().count() == LOCKED_ROWS_BEFORE_OUTAGE


@pytest.mark.django_db(transaction=True)
def test_locked_rows_of_one_batch_with_others_between_them_are_no_outage(writer, at_once):
    assets = [add(f"{number}.jpg") for number in range(2 * LOCKED_ROWS_BEFORE_OUTAGE)]
    with locked_rows(*(asset.pk for asset in assets[::2])):
        kept = writer.write([hashed(asset) for asset in assets])
    assert [bool(outcome.error) for outcome in kept] == [True, False] * LOCKED_ROWS_BEFORE_OUTAGE


@pytest.mark.django_db(transaction=True)
def test_locked_rows_are_counted_across_batches(writer, at_once):
    assets = [add(f"{number}.jpg") for number in range(LOCKED_ROWS_BEFORE_OUTAGE)]
    with locked_rows(*(asset.pk for asset in assets)):
        for asset in assets[:-1]:
            writer.write([hashed(asset)])
        with pytest.raises(DatabaseUnavailable):
            writer.write([hashed(assets[-1])])


@pytest.mark.django_db(transaction=True)
def test_a_deadlock_passes(writer, monkeypatch):
    monkeypatch.setattr(retry.time, "sleep", lambda _: None)
    assets = [add(f"{number}.jpg") for number in range(3)]
    deadlock = FailingOnce("UPDATE", raising(OperationalError("deadlock detected")))
    with connection.execute_wrapper(deadlock):
        kept = writer.write([hashed(asset) for asset in assets])
    assert [outcome.error for outcome in kept] == ["", "", ""]
    assert ImageAsset.objects.hashed().count() == 3


@only_postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("at", ["UPDATE", "SELECT"])
def test_a_connection_that_is_cut_is_made_again(writer, at):
    replaced, kept = add("old.jpg"), add("b.jpg")
    outcomes = [hashed(replaced), hashed(kept)]
    ImageAsset.objects.filter(pk=replaced.pk).update(image="new.jpg")
    with connection.execute_wrapper(FailingOnce(at, cut_connection)):
        assert writer.write(outcomes) == outcomes[1:]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("batch", [1, 3])
def test_a_read_only_database_is_an_outage_and_nothing_is_marked(writer, batch):
    assets = [add(f"{number}.jpg") for number in range(batch)]
    with read_only(), pytest.raises(DatabaseUnavailable, match=r"(?i)read-?only"):
        writer.write([hashed(asset) for asset in assets])
    assert ImageAsset.objects.never_tried().count() == batch


@pytest.mark.django_db(transaction=True)
def test_a_full_database_is_an_outage_and_nothing_is_marked(writer):
    assets = [add(f"{number}.jpg") for number in range(3)]
    long = Outcome(assets[0].pk, "0.jpg", error="x" * 9_000_000)
    with full(), pytest.raises(DatabaseUnavailable, match=r"full|No space"):
        writer.write([long, *map(hashed, assets[1:])])
    assert ImageAsset.objects.never_tried().count() == 3


@only_postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [1, 4])
def test_a_role_that_may_not_update_is_an_outage(writer, count):
    assets = [add(f"{number}.jpg") for number in range(count)]
    with role_without("UPDATE"), pytest.raises(DatabaseUnavailable, match="permission denied for table"):
        writer.write([hashed(asset) for asset in assets])
    assert ImageAsset.objects.never_tried().count() == count


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_row_that_its_policy_refuses_costs_only_itself(writer):
    assets = [add(f"{number}.jpg") for number in range(3)]
    with role_with_policy(f"id <> {assets[1].pk}"):
        kept = writer.write([hashed(asset) for asset in assets])
    assert [bool(outcome.error) for outcome in kept] == [False, True, False]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_refused_row_gets_the_reason_and_is_a_failed_row(writer, count):
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
def test_a_refused_row_that_got_another_file_is_left_out(writer):
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


def raising(error: Exception):
    def fail() -> None:
        raise error

    return fail


@contextmanager
def locked_rows(*keys: int):
    """Rows that somebody else is changing, on PostgreSQL; on SQLite, which locks whole files, the error of it."""
    if connection.vendor != "postgresql":

        def refuse(execute, sql, params, many, context):
            # The key comes last, before the name and the version of the file, which guard it.
            if sql.startswith("UPDATE") and many and any(row[-3] in keys for row in params):
                error = OperationalError("lock timeout\nCONTEXT: row \x1b[2J")
                error.__cause__ = type("LockNotAvailable", (Exception,), {"sqlstate": "55P03"})()
                raise error
            return execute(sql, params, many, context)

        with connection.execute_wrapper(refuse):
            yield
        return
    other = connection.copy()
    with setting("lock_timeout", "20ms"), closing(other):
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM hashing_imageasset WHERE id = ANY(%s) FOR UPDATE", [list(keys)])
            yield
        other.rollback()


@contextmanager
def read_only():
    if connection.vendor == "postgresql":
        with setting("default_transaction_read_only", "on"):
            yield
        return
    with pragma("query_only = 1", "query_only = 0"):
        yield


@contextmanager
def full():
    """SQLite's file may not grow; on PostgreSQL the error of it."""
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            [before] = cursor.execute("PRAGMA max_page_count").fetchone()
            [pages] = cursor.execute("PRAGMA page_count").fetchone()
        with pragma(f"max_page_count = {pages}", f"max_page_count = {before}"):
            yield
        return
    error = OperationalError("could not extend file: No space left on device")
    error.__cause__ = psycopg.errors.DiskFull()

    def refuse(execute, sql, params, many, context):
        if sql.startswith("UPDATE"):
            raise error
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        yield


@contextmanager
def pragma(before: str, after: str):
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {before}")
        yield
        cursor.execute(f"PRAGMA {after}")


@contextmanager
def role_without(privilege: str):
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE reader; GRANT ALL ON ALL TABLES IN SCHEMA public TO reader")
        cursor.execute(f"REVOKE {privilege} ON hashing_imageasset FROM reader; SET ROLE reader")
        yield
        cursor.execute("RESET ROLE; DROP OWNED BY reader; DROP ROLE reader")


@contextmanager
def role_with_policy(check: str):
    """A role whose updates are checked row by row."""
    table = "hashing_imageasset"
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE ROLE reader; GRANT ALL ON {table} TO reader; ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        )
        cursor.execute(f"CREATE POLICY limited ON {table} USING (true) WITH CHECK ({check}); SET ROLE reader")
        yield
        cursor.execute(f"RESET ROLE; DROP POLICY limited ON {table}; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        cursor.execute("DROP OWNED BY reader; DROP ROLE reader")
