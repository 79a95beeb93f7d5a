from __future__ import annotations

import pytest
from django.db import OperationalError, connection

from hashing.backfill.outage import Outage
from hashing.backfill.writer import REFUSALS_BEFORE_OUTAGE, OutcomeWriter
from hashing.models import ImageAsset
from hashing.perceptual_hash import HASH_VERSION, Fingerprint
from hashing.workers.worker import Outcome


class Writer(OutcomeWriter):
    def write(self, outcomes):
        return list(super().write(outcomes))


FINGERPRINT = Fingerprint("0f" * 8, "f0" * 8, 80, 640, 480)


@pytest.fixture
def writer():
    return Writer(ImageAsset, "default")


def hashed(asset: ImageAsset) -> Outcome:
    return Outcome(asset.pk, asset.image.name, FINGERPRINT, 1234)


def add(name: str, **fields) -> ImageAsset:
    return ImageAsset.objects.bulk_create([ImageAsset(image=name, **fields)])[0]


@pytest.mark.django_db
def test_a_fingerprint_is_written_with_all_its_facts(writer):
    asset = add("a.jpg", hash_error="was missing")
    outcomes = [hashed(asset)]
    assert writer.write(outcomes) == outcomes
    asset.refresh_from_db()
    assert (asset.perceptual_hash, asset.vertical_hash, asset.hash_quality) == ("0f" * 8, "f0" * 8, 80)
    assert (asset.width, asset.height, asset.file_size) == (640, 480, 1234)
    assert (asset.hash_version, asset.hash_error) == (HASH_VERSION, "")
    assert asset.hashed_at is not None


@pytest.mark.django_db
def test_an_error_is_written_and_takes_an_old_hash_away(writer):
    asset = add("a.jpg", perceptual_hash="1" * 16, width=1, height=1)
    writer.write([Outcome(asset.pk, "a.jpg", error="ValueError: broken\nfile")])
    asset.refresh_from_db()
    assert (asset.perceptual_hash, asset.width, asset.hash_error) == (None, None, r"ValueError: broken\nfile")


@pytest.mark.django_db
def test_a_file_that_was_replaced_meanwhile_wins(writer):
    replaced, kept, deleted = add("old.jpg"), add("b.jpg"), add("c.jpg")
    outcomes = [hashed(replaced), hashed(kept), hashed(deleted)]
    ImageAsset.objects.filter(pk=replaced.pk).update(image="new.jpg")
    deleted.delete()
    assert writer.write(outcomes) == [outcomes[1]]
    replaced.refresh_from_db()
    assert replaced.perceptual_hash is None


@pytest.mark.django_db
def test_a_batch_is_written_in_one_statement_but_few(writer, django_assert_max_num_queries):
    outcomes = [hashed(add(f"{number}.jpg")) for number in range(50)]
    limit = 3 if connection.vendor == "postgresql" else 53
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
    outcomes = [hashed(add(f"{number}.jpg")) for number in range(REFUSALS_BEFORE_OUTAGE)]

    def refuse(*_arguments):
        raise OperationalError("server closed the connection")

    with connection.execute_wrapper(refuse), pytest.raises(Outage, match="The database cannot be written: server"):
        writer.write(outcomes)


@pytest.mark.django_db
def test_a_refused_batch_leaves_the_callers_transaction_sound(writer):
    assets = [add(f"{number}.jpg") for number in range(3)]
    with refused_row(assets[1].pk):
        kept = writer.write([hashed(asset) for asset in assets])
    assert [bool(outcome.error) for outcome in kept] == [False, True, False]
    assert ImageAsset.objects.hashed().count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_row_that_is_locked_costs_only_itself(writer):
    assets = [add(f"{number}.jpg") for number in range(3)]
    locked = iter([True, True, False, False])

    def refuse(execute, sql, params, many, context):
        # The batch, and the first of its rows.
        if "UPDATE" in sql and next(locked, False):
            raise OperationalError("canceling statement due to lock timeout\nCONTEXT: row \x1b[2J")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        kept = writer.write([hashed(asset) for asset in assets])
    assert [outcome.error for outcome in kept] == [
        "OperationalError: canceling statement due to lock timeout",
        "",
        "",
    ]


def refused_row(key: int):
    if connection.vendor == "sqlite":
        return refusing_trigger(
            f"CREATE TRIGGER refuse BEFORE UPDATE ON hashing_imageasset WHEN NEW.id = {key}"
            " BEGIN SELECT RAISE(ABORT, 'this row is refused'); END",
            "DROP TRIGGER refuse",
        )
    return refusing_trigger(
        "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN"
        f" IF NEW.id = {key} THEN RAISE integrity_constraint_violation USING MESSAGE = 'this row is refused'; END IF;"
        " RETURN NEW; END $$ LANGUAGE plpgsql;"
        " CREATE TRIGGER refuse BEFORE UPDATE ON hashing_imageasset FOR EACH ROW EXECUTE FUNCTION refuse()",
        "DROP TRIGGER refuse ON hashing_imageasset; DROP FUNCTION refuse()",
    )


class refusing_trigger:  # noqa: N801
    def __init__(self, create: str, drop: str) -> None:
        self.create, self.drop = create, drop

    def __enter__(self) -> None:
        connection.cursor().execute(self.create)

    def __exit__(self, *_error) -> None:
        connection.cursor().execute(self.drop)
