from __future__ import annotations

import signal

import pytest

from hashing.management.graceful_stop import graceful_stop


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_requests_a_stop_with_its_exit_status(number, status):
    announced = []
    with graceful_stop(lambda: announced.append("stopping")) as stop:
        assert not stop()
        signal.raise_signal(number)
        # Not in the handler, which may have interrupted a write.
        assert announced == []
        assert stop()
        assert stop()
    assert stop.exit_status == status
    assert announced == ["stopping"]


def test_signal_after_the_last_check_is_not_announced():
    announced = []
    with graceful_stop(lambda: announced.append("stopping")) as stop:
        signal.raise_signal(signal.SIGTERM)
    assert stop()
    assert announced == []


def test_second_signal_ends_at_once():
    with pytest.raises(SystemExit) as end, graceful_stop(lambda: None):  # noqa: PT012
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    assert end.value.code == 143


def test_previous_handlers_are_restored():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with graceful_stop(lambda: None):
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
