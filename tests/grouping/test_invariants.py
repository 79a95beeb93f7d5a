"""Whatever happens in whatever order, the stored groups keep the rules."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from hashing.grouping import find_duplicates
from hashing.grouping.decision_log import DecisionRefused
from hashing.grouping.decisions import decide_different, decide_related, decide_same, delete_decisions, keep
from hashing.grouping.finder import find_groups
from hashing.grouping.incremental import update_groups
from hashing.grouping.options import GroupingOptions
from hashing.grouping.pair_constraints import read_constraints
from hashing.grouping.signals import end_decisions
from hashing.models import DuplicateGroup, GroupMember, ImageAsset, PairDecision
from tests.grouping.conftest import PICTURES, stored_groups, undo_last

pytestmark = pytest.mark.django_db(transaction=True)

STEPS = 25
HASH_COLUMNS = ("perceptual_hash", "vertical_hash", "detail_hash", "hash_quality")
INSIDE_COLUMNS = {name: f"inside_{name.removeprefix('hash_')}" for name in HASH_COLUMNS}
DECIDE = (decide_same, decide_different, decide_related, keep)


class Library:
    """Two pictures with many copies, so that groups touch, and two editors."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.editors = [User.objects.create_user(f"editor{number}").pk for number in range(2)]
        self.names = 0
        self.hashes_by_digest: dict[str, dict[str, object]] = {}

    def hashes(self) -> dict[str, object]:
        """Return the hashes of one of a dozen files. Equal digests have equal hashes."""
        digest = f"{self.dice.randrange(12):064x}"
        return self.hashes_by_digest.setdefault(digest, self.new_hashes() | {"file_digest": digest})

    def new_hashes(self) -> dict[str, object]:
        """Return those of a picture. A third of them are inside a frame that looks like another picture, as a whole."""
        whole, inside = self.part(PICTURES[:2]), dict.fromkeys(HASH_COLUMNS)
        if self.dice.random() < 1 / 3:
            whole, inside = self.part(PICTURES[1:3]), whole | {"hash_quality": whole["hash_quality"] or 60}
        return whole | {"hash_version": 1} | {INSIDE_COLUMNS[name]: value for name, value in inside.items()}

    def part(self, pictures: list[int]) -> dict[str, object]:
        picture = self.dice.choice(pictures) ^ self.dice.choice([0, 0xF, 0x1FF, 0x1F0, 0xFFF])
        large = picture ^ self.dice.choice([0, 0xFFFFFF])
        texts = (f"{picture:016x}", f"{picture:016x}", f"{large:064x}")
        return dict(zip(HASH_COLUMNS, (*texts, self.dice.choice([20, 60, 90, 90, None])), strict=True))

    def file_size(self) -> int | None:
        return self.dice.choice([None, self.dice.randrange(2**33)])

    def facts(self) -> dict[str, object]:
        self.names += 1
        return {
            "image": f"{self.names}.jpg",
            "width": self.dice.randrange(1, 9),
            "height": 9,
            "file_size": self.file_size(),
            **self.hashes(),
        }

    def any_row(self) -> int | None:
        rows = list(ImageAsset.objects.order_by("pk").values_list("pk", flat=True))
        return self.dice.choice(rows) if rows else None

    def upload(self) -> None:
        update_groups([ImageAsset.objects.bulk_create([ImageAsset(**self.facts())])[0].pk], "default", rehashed=True)

    def replace(self) -> None:
        pk = self.any_row()
        facts = self.facts()
        if self.dice.random() < 0.3:
            facts |= dict.fromkeys([*HASH_COLUMNS, *INSIDE_COLUMNS.values(), "file_size"])
            facts["hash_error"] = "broken"
        ImageAsset.objects.filter(pk=pk).update(**facts)
        end_decisions(ImageAsset, keys=[pk] if pk else [], using="default")
        update_groups([pk] if pk else [], "default", rehashed=True)

    def delete(self) -> None:
        ImageAsset.objects.filter(pk=self.any_row()).delete()

    def decide(self) -> None:
        groups = list(DuplicateGroup.objects.order_by("pk"))
        if groups:
            group = self.dice.choice(groups)
            members = list(group.members.order_by("pk").values_list("asset", flat=True))
            chosen = self.dice.sample(members, self.dice.choice([1, 1, min(3, len(members))]))
            self.attempt(self.dice.choice(DECIDE), group, chosen, self.dice.choice(self.editors))

    def undo(self) -> None:
        self.attempt(undo_last, self.dice.choice(self.editors))

    def delete_decisions(self) -> None:
        pairs = list(PairDecision.objects.filter(superseded_by=None).order_by("pk").values_list("lower", "higher"))
        delete_decisions(set(self.dice.sample(pairs, min(2, len(pairs)))), "default")

    def run(self) -> None:
        find_duplicates()

    def attempt(self, act: Callable[..., object], *arguments: object) -> None:
        try:
            with transaction.atomic():
                act(*arguments)
        except DecisionRefused:
            pass


def check_rules(*, whole: bool) -> None:
    verdicts = read_constraints("default")
    known = set(ImageAsset.objects.filter(file_digest__isnull=False).values_list("pk", flat=True))
    for cluster in verdicts.must_link.values():
        assert not verdicts.marked.issuperset(cluster)
    for keeper, keys in stored_groups().items():
        assert keys <= known
        assert all(keys.isdisjoint(verdicts.cannot_link.get(key, ())) for key in keys)
        same = set(GroupMember.objects.filter(group__keeper=keeper, is_same=True).values_list("asset", flat=True))
        assert same == keys & {keeper, *verdicts.must_link.get(keeper, ())}
        if whole:
            found = find_groups(ImageAsset.objects.all(), GroupingOptions(), verdicts, keys=keys)
            assert [(group.keeper, {keeper, *(each.key for each in group.members)}) for group in found] == [
                (keeper, keys)
            ]


@pytest.mark.parametrize("large", [4, 1000])
@pytest.mark.parametrize("seed", range(4))
def test_invariants_hold_after_any_sequence_of_changes(monkeypatch, seed, large):
    monkeypatch.setattr("hashing.grouping.incremental.LARGE_GROUP", large)
    library = Library(seed)
    steps = [library.upload] * 4 + [library.decide] * 5
    steps += [library.replace, library.delete, library.undo, library.delete_decisions, library.run]
    for _ in range(STEPS):
        library.dice.choice(steps)()
        check_rules(whole=large > STEPS)
    find_duplicates()
    check_rules(whole=True)
