from __future__ import annotations

import io

import pytest

from hashing.management import progress
from hashing.management.progress import ShownPhases


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def show(stream: io.StringIO, *, hidden: bool = False) -> str:
    with ShownPhases(stream, hidden=hidden) as progress:
        for phase in ("Reading", "Comparing"):
            for per_cent in (0, 40, 100):
                progress(phase, per_cent)
    return stream.getvalue()


def test_terminal_has_a_bar_for_each_phase():
    shown = show(Terminal())
    assert "Reading: 100%" in shown
    assert "Comparing: 100%" in shown


def test_elsewhere_a_line_comes_now_and_then(monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)
    assert show(io.StringIO()).splitlines()[1:4] == ["Reading: 40%", "Reading: 100%", "Comparing: 0%"]


def test_elsewhere_what_is_done_at_once_is_not_told():
    assert show(io.StringIO()) == ""


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_hidden_says_nothing(stream):
    assert show(stream, hidden=True) == ""
