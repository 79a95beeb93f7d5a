from __future__ import annotations

import csv
import io
import json

import pytest

from hashing.grouping.finder import FoundGroup, FoundMember
from hashing.grouping.options import GroupingOptions
from hashing.grouping.report import GroupingReport
from hashing.grouping.store import Changes

GROUPS = [
    FoundGroup(12, [FoundMember(15, 2, 1, is_same=False, file_size=700_000)]),
    FoundGroup(20, [FoundMember(21, 0, 1, is_same=True, file_size=0), FoundMember(7, 4, 2, False, 400_000, framing=1)]),
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


@pytest.mark.parametrize("groups", [GROUPS, GROUPS[:1], []])
def test_json_has_the_groups_and_how_they_were_found(groups):
    file = io.StringIO()
    GroupingReport(groups, OPTIONS).write_json(file)
    read = json.loads(file.getvalue())
    assert [group["keeper"] for group in read["groups"]] == [group.keeper for group in groups]
    assert (read["max_distance"], read["any_orientation"]) == (5, False)
    if groups:
        member = {"pk": 15, "distance": 2}
        assert read["groups"][0] == {"keeper": 12, "members": [member]}
    if len(groups) > 1:
        assert read["groups"][1]["members"][1] == {"pk": 7, "distance": 4, "framed": "image"}


def test_csv_has_a_line_for_each_image_except_for_keepers():
    file = io.StringIO(newline="")
    GroupingReport(GROUPS, OPTIONS).write_csv(file)
    lines = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert [(line["keeper"], line["pk"], line["distance"]) for line in lines] == [
        ("12", "15", "2"),
        ("20", "21", "0"),
        ("20", "7", "4"),
    ]
    assert [line["framed"] for line in lines] == ["", "", "image"]
    assert (lines[2]["orientation"], lines[2]["file_size"], lines[1]["decided"]) == ("mirrored", "400000", "True")
