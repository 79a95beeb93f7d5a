from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from hashing.grouping.clustering import StarClustering

ROWS = range(8)
PAIRS = st.sets(st.tuples(st.sampled_from(ROWS), st.sampled_from(ROWS)).filter(lambda pair: pair[0] < pair[1]))


def stars(
    pairs: set[tuple[int, int]],
    same: Mapping[int, Sequence[int]] | None = None,
    different: set[tuple[int, int]] = frozenset(),
) -> list[list[int]]:
    """Of rows of which each is an entry of its own."""
    both = {row: {row, *(a + b - row for a, b in pairs if row in (a, b))} for row in ROWS}
    apart = {row: {a + b - row for a, b in different if row in (a, b)} for row in ROWS}
    return list(StarClustering([(row,) for row in ROWS], both.__getitem__, same or {}, apart))


def test_best_row_is_the_keeper_of_all_it_matches():
    assert stars({(0, 3), (0, 5), (3, 5), (1, 2)}) == [[0, 3, 5], [1, 2]]


def test_row_that_matches_only_a_member_is_not_claimed():
    assert stars({(0, 1), (1, 2), (2, 3)}) == [[0, 1], [2, 3]]


def test_rows_of_an_entry_match_if_it_is_its_own_neighbour():
    entries_of = [(7,), (7,), (9,), (7,)]
    assert list(StarClustering(entries_of, lambda entry: (entry,), {}, {})) == [[0, 1, 3]]
    assert list(StarClustering(entries_of, lambda _entry: (), {}, {})) == []


def test_row_matches_the_neighbours_of_each_of_its_entries():
    near = {1: [2], 2: [1], 3: [3, 4], 4: [3]}
    assert list(StarClustering([(1, 3), (2,), (), (4,), (3,), (1,)], lambda entry: near[entry], {}, {})) == [
        [0, 1, 3, 4]
    ]


def test_rows_that_cannot_link_are_never_in_one_group():
    assert stars({(0, 1), (0, 2), (1, 2)}, different={(0, 1)}) == [[0, 2]]
    assert stars({(0, 1), (0, 2), (1, 2)}, different={(1, 2)}) == [[0, 1]]


def test_excluded_row_may_become_a_keeper():
    assert stars({(0, 1), (0, 2), (1, 2), (2, 3)}, different={(0, 2)}) == [[0, 1], [2, 3]]


def test_must_link_set_matches_what_one_of_its_rows_matches():
    assert stars({(4, 5)}, same={0: (0, 4), 4: (0, 4)}) == [[0, 4, 5]]


def test_must_link_set_is_excluded_as_a_whole():
    same = {2: (2, 3), 3: (2, 3)}
    assert stars({(0, 1), (0, 2)}, same=same, different={(1, 3)}) == [[0, 1], [2, 3]]


@given(PAIRS, PAIRS)
def test_every_group_is_a_star_without_rows_that_cannot_link(pairs, different):
    groups = stars(pairs, different=different)
    rows = [row for group in groups for row in group]
    assert len(rows) == len(set(rows))
    for keeper, *members in groups:
        assert all((keeper, member) in pairs for member in members)
        assert not any((one, other) in different for one in (keeper, *members) for other in members)
    grouped = set(rows)
    assert all(one in grouped or other in grouped or (one, other) in different for one, other in pairs)
