from __future__ import annotations

import threading

import pytest

from hashing.workers import read_ahead
from hashing.workers.read_ahead import READING_THREADS, ByteBudget, ReadAhead


def test_all_threads_read_at_the_same_time():
    together = threading.Barrier(READING_THREADS)

    def read(key, reserve):
        together.wait(20)
        return bytes([key])

    contents = list(ReadAhead(read).contents(range(READING_THREADS), 20))
    assert sorted((key, future.result()) for key, future in contents) == [
        (key, bytes([key])) for key in range(READING_THREADS)
    ]


def test_contents_come_in_the_order_of_arrival():
    second_came = threading.Event()

    def read(key, reserve):
        if key == "late":
            second_came.wait(20)
        return b""

    contents = ReadAhead(read).contents(["late", "early"], 20)
    assert next(contents)[0] == "early"
    second_came.set()
    assert next(contents)[0] == "late"


def test_an_error_affects_its_own_file_only():
    def read(key, reserve):
        if key == "bad":
            raise ConnectionError("reset")
        return b"x"

    contents = dict(ReadAhead(read).contents(["bad", "good"], 20))
    assert contents["good"].result() == b"x"
    with pytest.raises(ConnectionError):
        contents["bad"].result()


def test_threads_are_reused_for_the_next_chunk():
    reader = ReadAhead(lambda key, reserve: threading.current_thread().name.encode())
    names = {future.result() for _ in range(5) for _, future in reader.contents(range(40), 20)}
    assert len(names) <= READING_THREADS


def test_late_content_raises_and_content_in_time_does_not():
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


def test_hanging_reads_do_not_block_the_next_ones():
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


def test_content_in_memory_is_limited(monkeypatch):
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


def test_reads_that_wait_for_room_end_with_the_chunk(monkeypatch):
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


def call_in_thread(function, *arguments) -> tuple[threading.Thread, list[object]]:
    """Return a started thread, and a list that gets what `function` returns or raises."""
    result: list[object] = []

    def run() -> None:
        try:
            result.append(function(*arguments))
        except TimeoutError as error:
            result.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, result


def test_bytes_that_fit_are_taken_at_once():
    budget = ByteBudget(10)
    budget.take("a", 4)
    budget.take("b", 6)


def test_bytes_that_do_not_fit_wait_for_room():
    budget = ByteBudget(10)
    budget.take("a", 4)
    thread, result = call_in_thread(budget.take, "b", 7)
    thread.join(0.05)
    assert result == []
    budget.give_back("a")
    thread.join(20)
    assert result == [None]


def test_bytes_beyond_the_total_are_taken_alone():
    budget = ByteBudget(10)
    budget.take("a", 100)
    thread, result = call_in_thread(budget.take, "b", 1)
    thread.join(0.05)
    assert result == []
    budget.give_back("a")
    thread.join(20)
    assert result == [None]


def test_closing_raises_in_waiting_threads():
    budget = ByteBudget(10)
    budget.take("a", 10)
    thread, result = call_in_thread(budget.take, "b", 1)
    budget.close()
    thread.join(20)
    assert isinstance(result[0], TimeoutError)
    with pytest.raises(TimeoutError):
        budget.take("c", 1)


def test_giving_back_an_unknown_key_changes_nothing():
    ByteBudget(10).give_back("a")
