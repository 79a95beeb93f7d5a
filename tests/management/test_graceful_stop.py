from __future__ import annotations

import signal

import pytest

from hashing.management.graceful_stop import graceful_stop


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_a_request_with_an_exit_status(number, status):
    told = []
    with graceful_stop(lambda: told.append("stopping")) as stop:
        assert not stop()
        signal.raise_signal(number)
        # Not in the handler, which may have interrupted somebody who writes.
        assert told == []
        assert stop()
        assert stop()
    assert stop.exit_status == status
    assert told == ["stopping"]


def test_a_signal_that_nobody_saw_in_time_is_not_announced():
    told = []
    with graceful_stop(lambda: told.append("stopping")) as stop:
        signal.raise_signal(signal.SIGTERM)
    assert stop()
    assert told == []


def test_the_second_signal_ends_at_once():
    with pytest.raises(SystemExit) as end, graceful_stop(lambda: None):  # noqa: PT012
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    assert end.value.code == 143


def test_the_handlers_of_before_come_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with graceful_stop(lambda: None):
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
