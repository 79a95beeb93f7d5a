from __future__ import annotations

import threading

import pytest

from hashing.workers import read_ahead
from hashing.workers.read_ahead import READING_THREADS, ReadAhead


def test_reads_as_many_at_a_time_as_there_are_threads():
    together = threading.Barrier(READING_THREADS)

    def read(key, reserve):
        together.wait(20)
        return bytes([key])

    contents = list(ReadAhead(read).contents(range(READING_THREADS), 20))
    assert sorted((key, future.result()) for key, future in contents) == [
        (key, bytes([key])) for key in range(READING_THREADS)
    ]


def test_gives_what_comes_first_first():
    second_came = threading.Event()

    def read(key, reserve):
        if key == "late":
            second_came.wait(20)
        return b""

    contents = ReadAhead(read).contents(["late", "early"], 20)
    assert next(contents)[0] == "early"
    second_came.set()
    assert next(contents)[0] == "late"


def test_what_fails_raises_by_itself():
    def read(key, reserve):
        if key == "bad":
            raise ConnectionError("reset")
        return b"x"

    contents = dict(ReadAhead(read).contents(["bad", "good"], 20))
    assert contents["good"].result() == b"x"
    with pytest.raises(ConnectionError):
        contents["bad"].result()


def test_threads_stay_from_one_chunk_to_the_next():
    reader = ReadAhead(lambda key, reserve: threading.current_thread().name.encode())
    names = {future.result() for _ in range(5) for _, future in reader.contents(range(40), 20)}
    assert len(names) <= READING_THREADS


def test_what_is_late_raises_and_what_has_come_does_not():
    released = threading.Event()

    def read(key, reserve):
        if key == "late":
            released.wait(20)
        return b"x"

    contents = dict(ReadAhead(read).contents(["late", "there"], 0.2))
    released.set()
    assert contents["there"].result() == b"x"
    with pytest.raises(TimeoutError, match=r"Not read within 0\.2 seconds"):
        contents["late"].result()


def test_readings_that_hang_do_not_keep_the_next_ones_waiting():
    back = threading.Event()

    def read(key: int, reserve) -> bytes:
        if key < READING_THREADS:
            back.wait(20)
        return b"content"

    reader = ReadAhead(read)
    assert len(list(reader.contents(range(READING_THREADS), 0.1))) == READING_THREADS
    [(_, content)] = reader.contents([READING_THREADS], 10)
    assert content.result() == b"content"
    back.set()


def test_holds_no_more_than_its_bytes(monkeypatch):
    monkeypatch.setattr(read_ahead, "READ_AHEAD_BYTES", 10)
    held, most = set(), []

    def read(key, reserve):
        reserve(4)
        held.add(key)
        most.append(len(held))
        return b"1234"

    for key, future in ReadAhead(read).contents(range(20), 20):
        assert future.result() == b"1234"
        held.remove(key)
    assert max(most) <= 2


def test_who_waits_for_room_is_let_go_with_the_chunk(monkeypatch):
    monkeypatch.setattr(read_ahead, "READ_AHEAD_BYTES", 1)
    released, ended = threading.Event(), threading.Semaphore(0)

    def read(key, reserve):
        try:
            reserve(1)
            released.wait(20)
            return b"x"
        finally:
            ended.release()

    late = dict(ReadAhead(read).contents(["first", "second"], 0.2))
    assert len(late) == 2
    assert ended.acquire(timeout=20)
    released.set()
    assert ended.acquire(timeout=20)
