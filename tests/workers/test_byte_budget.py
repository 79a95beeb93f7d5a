from __future__ import annotations

import threading

import pytest

from hashing.workers.read_ahead import ByteBudget


def in_a_thread(function, *arguments) -> tuple[threading.Thread, list[object]]:
    """A thread that has begun, and what `function` raised or returned, once it has."""
    result: list[object] = []

    def run() -> None:
        try:
            result.append(function(*arguments))
        except TimeoutError as error:
            result.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, result


def test_gives_what_fits():
    budget = ByteBudget(10)
    budget.take("a", 4)
    budget.take("b", 6)


def test_makes_wait_for_what_does_not_fit():
    budget = ByteBudget(10)
    budget.take("a", 4)
    thread, result = in_a_thread(budget.take, "b", 7)
    thread.join(0.05)
    assert result == []
    budget.give_back("a")
    thread.join(20)
    assert result == [None]


def test_what_is_larger_than_all_of_it_is_taken_alone():
    budget = ByteBudget(10)
    budget.take("a", 100)
    thread, result = in_a_thread(budget.take, "b", 1)
    thread.join(0.05)
    assert result == []
    budget.give_back("a")
    thread.join(20)
    assert result == [None]


def test_closing_sends_the_waiting_away():
    budget = ByteBudget(10)
    budget.take("a", 10)
    thread, result = in_a_thread(budget.take, "b", 1)
    budget.close()
    thread.join(20)
    assert isinstance(result[0], TimeoutError)
    with pytest.raises(TimeoutError):
        budget.take("c", 1)


def test_giving_back_what_was_not_taken_changes_nothing():
    ByteBudget(10).give_back("a")
