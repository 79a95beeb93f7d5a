from __future__ import annotations

import pytest

from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import Framing, Match
from hashing.grouping.finder import FoundGroup, FoundMember
from hashing.grouping.options import GroupingOptions
from hashing.grouping.report import GroupingReport
from hashing.grouping.store import Changes

MIRRORED = Match(4, Framing.ROW, Orientation.MIRRORED)
GROUPS = [
    FoundGroup(12, [FoundMember(15, Match(2), is_same=False, file_size=700_000)]),
    FoundGroup(20, [FoundMember(21, Match(0), True, 0), FoundMember(7, MIRRORED, False, 400_000)]),
]
OPTIONS = GroupingOptions(max_distance=5)


def test_text_has_the_totals():
    text = GroupingReport(GROUPS, OPTIONS, Changes(removed=1, changed=0, added=2)).as_text()
    assert "Groups: 2\nImages in groups: 5\nCould be freed: 1.0 MiB (1100000 bytes)\nLargest group: 3\n" in text
    assert "Stored: 2 added, 0 changed, 1 removed" in text


@pytest.mark.parametrize(("changes", "said"), [(None, "nothing (dry run)"), (Changes(0, 0, 0), "nothing changed")])
def test_text_has_the_stored_changes(changes, said):
    assert f"Stored: {said}" in GroupingReport([], OPTIONS, changes).as_text()
    assert "Could be freed: 0 bytes\nLargest group: 0" in GroupingReport([], OPTIONS, changes).as_text()
