from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hashing.grouping.pair_constraints import connected, read_constraints, read_constraints_around
from hashing.models import ImageAsset, PairDecision

SAME, DIFFERENT = PairDecision.Verdict.SAME, PairDecision.Verdict.DIFFERENT


def decide(lower: ImageAsset, higher: ImageAsset, verdict: str, **fields) -> PairDecision:
    values = {
        "lower_file": lower.image.name,
        "higher_file": higher.image.name,
        "duplicate": higher if verdict == SAME else None,
        "batch": "0" * 32,
    }
    return PairDecision.objects.create(lower=lower, higher=higher, verdict=verdict, **values | fields)


def test_decisions_are_read_as_constraints(add_hashed):
    a, b, c, d = (add_hashed() for _ in range(4))
    decide(a, b, SAME)
    decide(b, c, SAME)
    decide(c, d, DIFFERENT)
    verdicts = read_constraints("default")
    assert verdicts.must_link == dict.fromkeys((a.pk, b.pk, c.pk), (a.pk, b.pk, c.pk))
    assert verdicts.cannot_link == {c.pk: {d.pk}, d.pk: {c.pk}}
    assert verdicts.marked == {b.pk, c.pk}


def test_decision_about_a_former_file_is_not_in_force(add_hashed):
    a, b = add_hashed(), add_hashed()
    decide(a, b, SAME, higher_file="former.jpg")
    assert read_constraints("default").must_link == {}


def test_superseded_decision_is_not_in_force(add_hashed):
    a, b = add_hashed(), add_hashed()
    decide(a, b, SAME, superseded_by="1" * 32)
    decide(a, b, DIFFERENT)
    assert read_constraints("default").must_link == {}
    assert read_constraints("default").cannot_link == {a.pk: {b.pk}, b.pk: {a.pk}}


def test_pair_constraints_around_an_asset_cover_its_must_link_set(add_hashed):
    a, b, c, d, e = (add_hashed() for _ in range(5))
    for pair in [(a, b), (b, c), (d, e)]:
        decide(*pair, SAME)
    assert read_constraints_around({a.pk}, "default").must_link == dict.fromkeys((a.pk, b.pk, c.pk), (a.pk, b.pk, c.pk))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_connected_components_are_an_equivalence(pairs):
    clusters = connected(pairs)
    assert clusters.keys() == {each for pair in pairs for each in pair}
    for one, other in pairs:
        assert clusters[one] == clusters[other]
    for each, cluster in clusters.items():
        assert each in cluster
        assert all(clusters[other] == cluster for other in cluster)
    # Nothing more than that: each cluster hangs together.
    assert len(set(clusters.values())) >= len(clusters) - len(pairs)
