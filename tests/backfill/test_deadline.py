from __future__ import annotations

from threading import Event

import pytest

from hashing.backfill.storage_probe import call_within


def test_what_is_returned_comes_back():
    assert call_within(10, lambda: 7) == 7


def test_what_is_raised_comes_back():
    with pytest.raises(ZeroDivisionError):
        call_within(10, lambda: 1 // 0)


def test_call_that_hangs_is_left_to_itself():
    answer = Event()
    with pytest.raises(TimeoutError):
        call_within(0.01, answer.wait)
    answer.set()
