from __future__ import annotations

from hashing.grouping.decisions import decide_different
from hashing.grouping.inheritance import Inheritance
from hashing.models import ImageAsset, PairDecision
from tests.grouping.conftest import marked, the_group


def delete(*rows: ImageAsset) -> None:
    """Delete marked duplicates, whose decisions are inherited."""
    keys = [row.pk for row in rows]
    inheritance = Inheritance.of(keys, "default")
    ImageAsset.objects.filter(pk__in=keys).delete()
    inheritance.hand_over(keys, "default")


def in_force() -> set[tuple[int, int, str]]:
    return set(PairDecision.objects.in_force().values_list("lower", "higher", "verdict"))


def test_end_of_a_chain_is_inherited(chain):
    better, keeper, one = chain
    made = PairDecision.objects.get(duplicate=one)
    delete(keeper)
    inherited = PairDecision.objects.in_force().get(duplicate=one)
    assert {inherited.lower_id, inherited.higher_id} == {one.pk, better.pk}
    assert (inherited.pk, inherited.decided_by, inherited.batch) == (made.pk, made.decided_by, made.batch)
    assert marked() == {one.pk}


def test_whole_chain_that_is_deleted_leaves_no_decision(chain):
    delete(*chain[1:])
    assert {verdict for _lower, _higher, verdict in in_force()} == {"different"}
    assert marked() == set()


def test_what_is_not_the_same_as_a_duplicate_is_not_the_same_as_the_kept_image(chain):
    better, keeper, _one = chain
    other = PairDecision.objects.get(verdict="different").higher_id
    delete(keeper)
    assert (*sorted((better.pk, other)), "different") in in_force()


def test_decision_of_the_kept_image_comes_first(chain, somebody):
    better, keeper, _one = chain
    other = PairDecision.objects.get(verdict="different").higher
    pair = {"lower": other, "higher": better, "lower_file": other.image.name, "higher_file": better.image.name}
    own = PairDecision.objects.create(**pair, verdict="related", batch="0" * 32)
    delete(keeper)
    assert (other.pk, better.pk, "related") in in_force()
    assert PairDecision.objects.in_force().filter(lower=other, higher=better).get() == own


def test_duplicate_that_stayed_keeps_its_decisions(chain):
    before = in_force()
    Inheritance.of([row.pk for row in chain[1:]], "default").hand_over([], "default")
    assert in_force() == before


def test_decisions_of_an_image_without_a_kept_one_end(trio, somebody):
    keeper, one, _other = trio
    decide_different(the_group(), [one.pk], somebody.pk)
    delete(one)
    assert in_force() == set()
    assert PairDecision.objects.filter(lower=keeper, higher=one.pk).exists()
