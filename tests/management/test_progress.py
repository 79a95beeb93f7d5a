from __future__ import annotations

import io
import logging
import sys

import pytest

from hashing.management import progress
from hashing.management.progress import show_phases, show_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bar_shows_count_and_failures():
    terminal = Terminal()
    with show_progress("Hashing", terminal) as bar:
        bar.begin(2)
        bar.advance()
        bar.advance(failed=True)
    last = terminal.getvalue().rpartition("\r")[2]
    assert last.startswith("Hashing: 100%")
    assert "2/2" in last
    assert "1 failed" in last


def test_tick_redraws_the_bar_once_a_second(monkeypatch):
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    terminal = Terminal()
    with show_progress("Hashing", terminal) as bar:
        bar.begin(2)
        drawn = terminal.getvalue()
        bar.tick()
        assert terminal.getvalue() == drawn
        now = 1.5
        bar.tick()
        assert terminal.getvalue() != drawn


@pytest.mark.parametrize("logger", [logging.getLogger(), logging.getLogger("hashing")])
def test_log_lines_do_not_tear_the_bar(monkeypatch, logger):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(logger, "handlers", [logging.StreamHandler(terminal)])
    with show_progress("Hashing", terminal) as bar:
        bar.begin(2)
        logger.error("a file is broken")
    before, _, after = terminal.getvalue().partition("a file is broken")
    assert before.endswith("\r")
    assert after.startswith("\n")


def test_lines_are_written_every_few_seconds_and_at_the_end(monkeypatch):
    clock = iter(range(0, 1000, 6))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    log = io.StringIO()
    with show_progress("Hashing", log) as lines:
        lines.begin(4)
        for number in range(4):
            lines.advance(failed=number == 0)
    first, *_, last = log.getvalue().splitlines()
    assert first == "Hashing: 2 of 4, 0.1 a second, 1 failed, 00:18 left"
    assert last.startswith("Hashing: 4 of 4, ")
    assert "\r" not in log.getvalue()


def test_lines_without_a_total_show_no_remaining_time():
    log = io.StringIO()
    with show_progress("Importing", log, failures="left out") as lines:
        lines.advance(failed=True)
    assert log.getvalue().startswith("Importing: 1, ")
    assert log.getvalue().endswith(" 1 left out\n")


def test_quick_run_is_one_line():
    log = io.StringIO()
    with show_progress("Hashing", log) as lines:
        lines.begin(1)
        lines.advance()
    assert log.getvalue().count("\n") == 1


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()])
def test_hidden_progress_writes_nothing(stream):
    with show_progress("Hashing", stream, hidden=True) as nothing:
        nothing.begin(1)
        nothing.advance(failed=True)
    assert stream.getvalue() == ""


def test_bar_shows_what_others_have_done():
    terminal = Terminal()
    with show_progress("Hashing", terminal) as bar:
        bar.begin(100)
        bar.update(40, failed=2, workers=1)
        bar.update(60, failed=3, workers=2)
    assert "60/100" in terminal.getvalue()
    assert "3 failed, 2 workers" in terminal.getvalue()
    assert "2 failed, 1 worker]" in terminal.getvalue()


def test_lines_show_what_others_have_done():
    stream = io.StringIO()
    with show_progress("Hashing", stream) as lines:
        lines.begin(100)
        lines.update(60, failed=3, workers=2)
    assert "Hashing: 60 of 100" in stream.getvalue()
    assert stream.getvalue().endswith("left, 2 workers\n")


@pytest.mark.parametrize(("stream", "hidden"), [(io.StringIO, False), (io.StringIO, True), (Terminal, False)])
def test_message_has_its_own_line(stream, hidden):
    shown = stream()
    with show_progress("Hashing", shown, hidden=hidden) as progress:
        progress.begin(2)
        progress.notify("No progress.")
    lines = shown.getvalue().replace("\r", "\n").split("\n")
    assert "No progress." in lines


def show_two_phases(stream: io.StringIO, *, hidden: bool = False) -> str:
    with show_phases(stream, hidden=hidden) as show:
        for phase in ("Reading", "Comparing"):
            for per_cent in (0, 40, 100):
                show(phase, per_cent)
    return stream.getvalue()


def test_each_phase_has_a_bar_on_a_terminal():
    shown = show_two_phases(Terminal())
    assert "Reading: 100%" in shown
    assert "Comparing: 100%" in shown


def test_phases_are_written_as_lines_elsewhere(monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)
    assert show_two_phases(io.StringIO()).splitlines()[1:4] == ["Reading: 40%", "Reading: 100%", "Comparing: 0%"]


def test_quick_phases_write_no_line():
    assert show_two_phases(io.StringIO()) == ""


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_hidden_phases_write_nothing(stream):
    assert show_two_phases(stream, hidden=True) == ""
