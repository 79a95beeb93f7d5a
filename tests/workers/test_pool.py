from __future__ import annotations

import os
import time
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest

from hashing.fingerprint.limits import DEFAULT_MAX_BYTES, DEFAULT_MAX_PIXELS
from hashing.workers.pool import MAX_CHUNK_SIZE, MAX_RESTARTS_WITHOUT_SUCCESS, HashingPool, WorkersLost, cause_of_death
from hashing.workers.storages import StorageAlias
from hashing.workers.worker import Job, Outcome
from samples.pictures import photo


@pytest.fixture
def pool():
    with HashingPool(1, 30, DEFAULT_MAX_PIXELS, DEFAULT_MAX_BYTES) as made:
        yield made


def collect(pool: HashingPool) -> list[Outcome]:
    outcomes = []
    while not pool.is_idle:
        outcomes += pool.outcomes(wait=5)
    return outcomes


def test_every_job_has_one_outcome(pool, tmp_path):
    photo(size=(64, 48)).save(tmp_path / "a.png")
    jobs = [Job(key, "a.png", str(tmp_path / "a.png")) for key in range(40)]
    for start in range(0, 40, 8):
        pool.submit(jobs[start : start + 8])
    outcomes = collect(pool)
    assert sorted(outcome.pk for outcome in outcomes) == list(range(40))
    assert {outcome.error for outcome in outcomes} == {""}


def test_the_pool_has_room_for_a_limited_number_of_chunks(pool):
    while pool.has_room:
        pool.submit([Job(1, "gone", "/no/such/file")])
    assert not pool.is_idle
    collect(pool)
    assert pool.has_room
    assert pool.is_idle


def test_chunks_start_small_and_grow_with_fast_images(pool):
    assert pool.chunk_size == 1
    for _ in range(30):
        pool.submit([Job(1, "gone", "/no/such/file")])
        collect(pool)
    assert pool.chunk_size == MAX_CHUNK_SIZE


def test_slow_files_of_another_machine_come_in_full_chunks(monkeypatch):
    monkeypatch.setattr("hashing.workers.pool.start_worker", prepare_nothing)
    monkeypatch.setattr("hashing.workers.pool.hash_files", hash_slowly)
    with HashingPool(1, 60, DEFAULT_MAX_PIXELS, DEFAULT_MAX_BYTES, [StorageAlias("default")]) as pool:
        for size in (MAX_CHUNK_SIZE, MAX_CHUNK_SIZE, MAX_CHUNK_SIZE):
            assert pool.chunk_size == size
            pool.submit([Job(number, "slow") for number in range(size)])
            collect(pool)


def test_chunks_from_another_machine_stay_within_the_time_limit():
    with HashingPool(1, 1, DEFAULT_MAX_PIXELS, DEFAULT_MAX_BYTES, [StorageAlias("default")]) as pool:
        pool._seconds_per_image = 0.1
        assert pool.chunk_size == 2


def prepare_nothing(*_arguments) -> None: ...


def hash_slowly(jobs: list[Job]) -> tuple[list[Outcome], float]:
    """Report half a second for each."""
    return [Outcome(job.pk, job.name) for job in jobs], 0.5 * len(jobs)


def test_an_idle_pool_has_no_outcomes(pool):
    assert list(pool.outcomes(wait=0.01)) == []


def hash_or_not(jobs: list[Job]) -> tuple[list[Outcome], float]:
    """Do what the name of each file says."""
    for job in jobs:
        if job.name == "exits":
            os._exit(3)
        if job.name == "hangs":
            time.sleep(600)
        if job.name == "fails":
            raise RuntimeError("no words for it")
    return [Outcome(job.pk, job.name) for job in jobs], 0.0


@pytest.mark.parametrize(
    ("culprit", "error"),
    [
        ("exits", "ProcessExpired: The worker process died (exit status 3)"),
        ("hangs", "TimeoutError: Not hashed within 0.5 seconds"),
        ("fails", "RuntimeError: no words for it"),
    ],
)
def test_only_the_failing_job_of_a_chunk_fails(monkeypatch, culprit, error):
    monkeypatch.setattr("hashing.workers.pool.hash_files", hash_or_not)
    with HashingPool(2, 0.5, DEFAULT_MAX_PIXELS, DEFAULT_MAX_BYTES) as pool:
        pool.submit([Job(key, culprit if key == 3 else "fine") for key in range(8)])
        pool.submit([Job(key, "fine") for key in range(8, 12)])
        outcomes = {outcome.pk: outcome.error for outcome in collect(pool)}
    assert outcomes == {key: error if key == 3 else "" for key in range(12)}


def dies_once(marker: str) -> None:
    """Exit the first process that starts, before it has a task."""
    if not Path(marker).exists():
        Path(marker).touch()
        os._exit(3)


def always_dies(*_arguments) -> None:
    os._exit(3)


def test_workers_that_die_at_their_start_are_replaced_without_an_error_of_an_image(monkeypatch, tmp_path):
    monkeypatch.setattr("hashing.workers.pool.start_worker", dies_once)
    monkeypatch.setattr("hashing.workers.pool.hash_files", hash_or_not)
    with HashingPool(1, 30, DEFAULT_MAX_PIXELS, DEFAULT_MAX_BYTES) as pool:
        pool._start_arguments = (str(tmp_path / "marker"),)
        pool._end()
        pool._start()
        pool.submit([Job(1, "fine"), Job(2, "fine")])
        assert {outcome.pk: outcome.error for outcome in collect(pool)} == {1: "", 2: ""}


def test_workers_that_never_run_raise_an_error(monkeypatch):
    monkeypatch.setattr("hashing.workers.pool.start_worker", always_dies)
    with HashingPool(1, 30, DEFAULT_MAX_PIXELS, DEFAULT_MAX_BYTES) as pool, pytest.raises(WorkersLost):  # noqa: PT012
        pool.submit([Job(1, "fine")])
        collect(pool)


def test_processes_are_restarted_a_limited_number_of_times(monkeypatch):
    starts: list[HashingPool] = []

    def start(pool: HashingPool) -> None:
        starts.append(pool)
        pool._waiting = {}

    monkeypatch.setattr(HashingPool, "_start", start)
    monkeypatch.setattr(HashingPool, "_end", lambda _: None)
    pool = HashingPool(1, 30, DEFAULT_MAX_PIXELS, DEFAULT_MAX_BYTES)
    for _ in range(MAX_RESTARTS_WITHOUT_SUCCESS):
        pool._restart([], TimeoutError("they do not respond"))
    with pytest.raises(WorkersLost, match="they do not respond"):
        pool._restart([], TimeoutError("they do not respond"))
    assert len(starts) == 1 + MAX_RESTARTS_WITHOUT_SUCCESS == 4


def test_success_resets_the_number_of_restarts(monkeypatch):
    monkeypatch.setattr("hashing.workers.pool.hash_files", hash_or_not)
    with HashingPool(1, 30, DEFAULT_MAX_PIXELS, DEFAULT_MAX_BYTES) as pool:
        pool._restarts = MAX_RESTARTS_WITHOUT_SUCCESS
        pool.submit([Job(1, "fine")])
        assert len(collect(pool)) == 1
        assert pool._restarts == 0


def test_a_failing_image_is_not_a_success(monkeypatch):
    monkeypatch.setattr("hashing.workers.pool.hash_files", hash_or_not)
    with HashingPool(1, 30, DEFAULT_MAX_PIXELS, DEFAULT_MAX_BYTES) as pool:
        pool._restarts = 1
        pool.submit([Job(1, "fails")])
        assert len(collect(pool)) == 1
        assert pool._restarts == 1


def test_a_pool_that_does_not_respond_is_restarted(monkeypatch):
    monkeypatch.setattr("hashing.workers.pool.hash_files", hash_or_not)
    with HashingPool(1, 30, DEFAULT_MAX_PIXELS, DEFAULT_MAX_BYTES) as pool:
        pool.submit([Job(1, "fine")])
        pool._done = SimpleQueue()
        pool._last_result_at -= 1000
        assert list(pool.outcomes(wait=0.01)) == []
        assert [outcome.pk for outcome in collect(pool)] == [1]


def test_an_idle_pool_does_not_wait(pool, monkeypatch):
    class NothingDone:
        def get(self, timeout):
            assert timeout == 0
            raise Empty

    monkeypatch.setattr(pool, "_done", NothingDone())
    assert list(pool.outcomes(wait=600)) == []


def test_leaving_early_stops_the_workers(monkeypatch):
    monkeypatch.setattr("hashing.workers.pool.hash_files", hash_or_not)
    with HashingPool(1, 600, DEFAULT_MAX_PIXELS, DEFAULT_MAX_BYTES) as pool:
        pool.submit([Job(1, "hangs")])
        while not pool._pool._pool_manager.worker_manager.workers:
            time.sleep(0.01)
        workers = list(pool._pool._pool_manager.worker_manager.workers.values())
    assert not any(worker.is_alive() for worker in workers)


@pytest.mark.parametrize(
    ("exit_code", "cause"), [(3, "exit status 3"), (-9, "SIGKILL"), (-35, "signal 35"), (None, "exit status None")]
)
def test_the_cause_of_death_is_named(exit_code, cause):
    assert cause_of_death(exit_code) == cause
