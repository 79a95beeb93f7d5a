from __future__ import annotations

import pytest

from hashing.backfill.options import BackfillOptions, available_cores


def test_defaults_follow_the_machine_and_the_settings(settings):
    settings.HASHING = {"TIMEOUT": 7}
    options = BackfillOptions()
    assert (options.batch_size, options.limit, options.timeout) == (500, None, 7)
    assert options.workers == available_cores() >= 1


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"limit": -1}, {"workers": 0}, {"timeout": 0}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        BackfillOptions(**wrong)


def test_one_core_is_assumed_where_nothing_is_known(monkeypatch):
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert available_cores() == 1
