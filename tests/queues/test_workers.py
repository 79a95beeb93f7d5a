from __future__ import annotations

import time

import pytest
from django.db import connection

from tests.queues.conftest import NEEDS_REDIS, SECONDS_TO_FINISH, Fleet

ENQUEUE = ["backfill_hashes", "--enqueue", "--shard-size", "40", "--batch-size", "10", "--workers", "1"]
WAIT = ["--wait", "--stall-timeout", "4"]
# On a busy machine a shard may rest for longer than that, and would be enqueued again.
WAIT_FOR_SLOW_WORKERS = ["--wait", "--stall-timeout", "120"]

# For tests that do not depend on the kind of queue.
on_database = pytest.mark.parametrize("fleet", ["database"], indirect=True)
on_rq = pytest.mark.parametrize("fleet", [pytest.param("rq", marks=NEEDS_REDIS)], indirect=True)
on_server = pytest.mark.skipif(connection.vendor == "sqlite", reason="Several machines need a database server.")

pytestmark = pytest.mark.slow


@pytest.fixture
def all_right(fleet: Fleet, is_right):
    def check() -> bool:
        rows = fleet.site.rows()
        return bool(rows) and all(is_right(fleet.site.media, name, found) for name, found, _ in rows)

    return check


def test_two_workers_hash_every_image_once(fleet: Fleet, reads, all_right):
    fleet.site.add_photos(120)
    fleet.start_worker()
    fleet.start_worker()
    done = fleet.site.run(*ENQUEUE, *WAIT_FOR_SLOW_WORKERS)
    assert done.returncode == 0, done.stderr
    assert "Status: COMPLETED\nTotal assets: 120\nProcessed: 120\nFailed: 0\n" in done.stdout
    assert all_right()
    assert set(reads().values()) == {1}
    assert len(set(fleet.run_values("worker"))) > 1


@on_server
def test_every_image_is_hashed_although_three_workers_are_killed(fleet: Fleet, reads, all_right):
    fleet.site.add_photos(80, prefix="slow-")
    fleet.start_worker()
    command = fleet.site.start(*ENQUEUE, *WAIT)
    for killed in range(3):
        worker = fleet.start_worker()
        fleet.wait_until_hashed(15 * (killed + 1))
        fleet.kill(worker)
    fleet.start_worker()
    out, err = command.communicate(timeout=SECONDS_TO_FINISH)
    assert "Status: COMPLETED\nTotal assets: 80\nProcessed: 80\nFailed: 0\n" in out, err
    assert command.returncode == 0
    assert all_right()
    # Each time, at most a batch that was not written and the chunk in progress.
    assert sum(reads().values()) - 80 <= 3 * (10 + 16)


@on_database
def test_images_that_are_enqueued_twice_are_hashed_once(fleet: Fleet, reads, all_right):
    fleet.site.add_photos(100)
    first, second = fleet.site.run(*ENQUEUE), fleet.site.run(*ENQUEUE)
    assert (first.returncode, second.returncode) == (0, 0)
    assert "Enqueued: 100 images, in 3 shards." in first.stdout
    fleet.start_worker()
    done = fleet.site.run(*ENQUEUE, *WAIT_FOR_SLOW_WORKERS)
    assert done.returncode == 0, done.stderr
    assert all_right()
    assert set(reads().values()) == {1}


@on_database
def test_broken_files_give_the_results_of_a_local_run(fleet: Fleet):
    fleet.site.add_photos(3)
    fleet.site.add_rows("gone.png")
    fleet.start_worker()
    done = fleet.site.run(*ENQUEUE, *WAIT, "--json", "-")
    assert done.returncode == 1
    assert '"status": "completed"' in done.stdout
    assert "Asset 4: File not found at gone.png" in done.stdout


@on_server
@on_database
def test_storage_outage_marks_no_row(fleet: Fleet, all_right):
    fleet.site.add_photos(60, prefix="slow-")
    fleet.start_worker()
    command = fleet.site.start(*ENQUEUE, *WAIT)
    fleet.wait_until_hashed(10)
    (fleet.site.media / "DOWN").touch()
    fleet.wait_until(lambda: any("The storage cannot be reached" in reason for reason in fleet.run_values("stopped")))
    assert fleet.site.rows("hash_error", order="") == [("",)] * 60
    (fleet.site.media / "DOWN").unlink()
    out, err = command.communicate(timeout=SECONDS_TO_FINISH)
    assert "Status: COMPLETED\nTotal assets: 60\nProcessed: 60\nFailed: 0\n" in out, err
    assert all_right()


@on_rq
def test_lost_queue_costs_only_time(request, fleet: Fleet, all_right):
    redis = request.getfixturevalue("redis")
    fleet.site.add_photos(60, prefix="slow-")
    fleet.start_worker()
    command = fleet.site.start(*ENQUEUE, *WAIT)
    fleet.wait_until_hashed(20)
    redis.stop()
    redis.start()
    fleet.start_worker()
    out, err = command.communicate(timeout=SECONDS_TO_FINISH)
    assert "Status: COMPLETED\nTotal assets: 60\nProcessed: 60\nFailed: 0\n" in out, err
    assert all_right()


@on_rq
def test_unreachable_queue_is_reported(request, fleet: Fleet):
    request.getfixturevalue("redis").stop()
    fleet.site.add_photos(1)
    done = fleet.site.run(*ENQUEUE)
    assert done.returncode == 1
    assert "The queue cannot be reached: ConnectionError" in done.stderr
    assert "Traceback" not in done.stderr


@on_server
def test_database_outage_costs_only_time(fleet: Fleet, all_right):
    fleet.site.add_photos(60, prefix="slow-")
    fleet.start_worker()
    command = fleet.site.start(*ENQUEUE, *WAIT)
    fleet.wait_until_hashed(10)
    with fleet.site.database_unavailable():
        time.sleep(3)
    # The worker of the database queue ends with its database; the service manager starts it again.
    fleet.start_worker()
    out, err = command.communicate(timeout=SECONDS_TO_FINISH)
    assert "Status: COMPLETED\nTotal assets: 60\nProcessed: 60\nFailed: 0\n" in out, err
    assert all_right()
