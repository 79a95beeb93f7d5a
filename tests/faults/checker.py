"""Check what a site has stored without the product's code: by plain SQL, Pillow, ImageHash, and the documented rule."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import imagehash
from PIL import Image

from servers.site import Site

MAX_DISTANCE, MIN_QUALITY = 100, 35
ASSET_COLUMNS = (
    "id, image, perceptual_hash, vertical_hash, detail_hash, hash_quality, hash_error, width, height, file_size,"
    " file_digest"
)


class Asset(NamedTuple):
    pk: int
    image: str
    perceptual: str | None
    vertical: str | None
    detail: str | None
    quality: int | None
    error: str
    width: int | None
    height: int | None
    size: int | None
    digest: str | None


class FileFields(NamedTuple):
    """The columns of a row that are computed from its file."""

    perceptual: str | None
    vertical: str | None
    detail: str | None
    width: int | None
    height: int | None
    size: int | None
    digest: str | None


class ReportedDecision(NamedTuple):
    """A decision that an editor has reported as stored."""

    batch: str
    lower: int
    higher: int
    verdict: str


class Decision(NamedTuple):
    lower: int
    higher: int
    verdict: str
    duplicate: int | None


@dataclass(frozen=True)
class Stored:
    """The rows of a site. `decisions` are those in force, `log` has all of them with the batch that superseded each."""

    media: Path
    assets: dict[int, Asset]
    groups: dict[int, tuple[int, ...]]
    members: dict[int, list[tuple[int, int, int, bool]]]
    decisions: list[Decision]
    log: dict[ReportedDecision, str | None]

    @classmethod
    def of(cls, site: Site) -> Stored:
        assets = {row[0]: Asset(*row) for row in site.rows(ASSET_COLUMNS)}
        columns = "id, keeper_id, size, open_count, open_bytes, max_distance"
        groups = {pk: tuple(numbers) for pk, *numbers in site.rows(columns, table="hashing_duplicategroup")}
        members: defaultdict[int, list[tuple[int, int, int, bool]]] = defaultdict(list)
        columns = "group_id, asset_id, position, distance, is_same"
        for group, *member in site.rows(columns, table="hashing_groupmember", order="ORDER BY group_id, position"):
            members[group].append(tuple(member))
        return cls(site.media, assets, groups, members, _decisions_in_force(site, assets), _read_log(site))


def check_rows(stored: Stored, *, complete: bool = True) -> None:
    """Check that every hash is that of its file and, with `complete`, that every readable file has one."""
    for asset in stored.assets.values():
        if asset.perceptual is None:
            assert asset.vertical is None, asset
            assert asset.detail is None, asset
            path = stored.media / asset.image
            assert not (complete and path.exists() and _is_readable(path)), f"not hashed: {asset}"
            continue
        assert asset.error == "", asset
        expected = _expected(stored.media / asset.image, (stored.media / asset.image).stat().st_mtime_ns)
        found = (asset.perceptual, asset.vertical, asset.detail, asset.width, asset.height, asset.size, asset.digest)
        assert found == expected, asset


def check_one_row_per_file(stored: Stored) -> None:
    """Check that no file is registered twice, and that every row has its file."""
    names = [asset.image for asset in stored.assets.values()]
    assert len(names) == len(set(names))
    assert [name for name in names if not (stored.media / name).is_file()] == []


def check_groups(stored: Stored, *, complete: bool = True) -> None:
    """Check the groups and, with `complete`, that all matching images without a decision are grouped."""
    same, different = _clusters(stored), _pairs_decided_different(stored)
    group_of: dict[int, int] = {}
    for pk, (keeper, size, open_count, open_bytes, max_distance) in stored.groups.items():
        members = stored.members[pk]
        keys = [asset for asset, *_ in members]
        assert size == len(members) > 1, (pk, size, members)
        assert keys[0] == keeper, (pk, keeper, members)
        assert open_count == sum(not is_same for *_, is_same in members), (pk, members)
        open_sizes = [stored.assets[asset].size or 0 for asset, *_, is_same in members if not is_same]
        assert open_bytes == sum(open_sizes), (pk, open_sizes)
        assert max_distance == max(distance for _, _, distance, _ in members), (pk, members)
        assert not any(frozenset(pair) in different for pair in combinations(keys, 2)), (pk, keys)
        for asset, _, distance, is_same in members:
            assert asset not in group_of, asset
            group_of[asset] = pk
            assert is_same == (asset in same[keeper]), (pk, asset)
            assert distance == _distance(stored.assets[keeper], stored.assets[asset]), (pk, asset, distance)
            assert _belongs(stored, asset, same[keeper], same[asset]), f"{asset} does not match {keeper}"
    assert not stored.members.keys() - stored.groups.keys()
    if complete:
        _check_all_matches_are_grouped(stored, group_of, same, different)


def check_decisions(stored: Stored) -> None:
    """Check that duplicate-of is a forest: each image has one parent at most, and there is no cycle."""
    parent: dict[int, int] = {}
    for decision in stored.decisions:
        assert decision.lower < decision.higher, decision
        assert (decision.duplicate is None) == (decision.verdict != "same"), decision
        if decision.duplicate is not None:
            assert decision.duplicate not in parent, decision
            parent[decision.duplicate] = decision.lower + decision.higher - decision.duplicate
    for key in parent:
        seen = {key}
        while (key := parent.get(key, 0)) != 0:
            assert key not in seen, f"a cycle of duplicates through {key}"
            seen.add(key)


def find_lost_decisions(stored: Stored, output: str) -> list[ReportedDecision]:
    """Return the decisions reported by `tests.faults.churn` that are neither in force nor superseded by a stored one.

    Decisions about uploads are left out, because they are deleted with the upload.
    """
    lines = (line.split() for line in output.splitlines() if line.startswith("decided "))
    reported = [ReportedDecision(batch, int(lower), int(higher), verdict) for _, batch, lower, higher, verdict in lines]
    batches = {each.batch for each in stored.log}
    in_force = {(each.lower, each.higher, each.verdict) for each in stored.decisions}

    def is_kept(each: ReportedDecision) -> bool:
        if each not in stored.log:
            return False
        superseded_by = stored.log[each]
        return each[1:] in in_force if superseded_by is None else superseded_by in batches

    return [each for each in reported if _is_stable(stored, each) and not is_kept(each)]


def _is_stable(stored: Stored, decision: ReportedDecision) -> bool:
    return all(
        pk in stored.assets and stored.assets[pk].image.startswith("stable") for pk in (decision.lower, decision.higher)
    )


def check_all(site: Site, *, complete: bool = True) -> Stored:
    stored = Stored.of(site)
    check_rows(stored, complete=complete)
    check_groups(stored, complete=complete)
    check_decisions(stored)
    return stored


def _decisions_in_force(site: Site, assets: dict[int, Asset]) -> list[Decision]:
    columns = "lower_id, higher_id, verdict, duplicate_id, lower_file, higher_file, superseded_by"
    rows = site.rows(columns, table="hashing_pairdecision")
    current = [row for row in rows if row[6] is None]
    assert len({row[:2] for row in current}) == len(current), "a pair has two decisions in force"
    # A decision outlives its images.
    existing = [row for row in current if row[0] in assets and row[1] in assets]
    return [Decision(*row[:4]) for row in existing if (assets[row[0]].image, assets[row[1]].image) == tuple(row[4:6])]


def _read_log(site: Site) -> dict[ReportedDecision, str | None]:
    columns = "batch, lower_id, higher_id, verdict, superseded_by"
    return {
        ReportedDecision(_key(batch), *pair): _key(superseded_by) if superseded_by else None
        for batch, *pair, superseded_by in site.rows(columns, table="hashing_pairdecision")
    }


def _key(batch: object) -> str:
    return str(UUID(str(batch)))


def _is_readable(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            image.load()
    except Exception:
        return False
    return True


@cache
def _expected(path: Path, _changed_at: int) -> FileFields:
    """Compute the fields with other programs, for a file that the product decodes at full size: not a JPEG."""
    content = path.read_bytes()
    with Image.open(path) as image:
        return FileFields(
            perceptual=str(imagehash.dhash(image)),
            vertical=str(imagehash.dhash_vertical(image)),
            detail=str(imagehash.phash(image, hash_size=16)),
            width=image.width,
            height=image.height,
            size=len(content),
            digest=hashlib.sha256(content).hexdigest(),
        )


def _bits(one: str | None, other: str | None) -> int:
    return (int(one or "0", 16) ^ int(other or "0", 16)).bit_count()


def _distance(one: Asset, other: Asset) -> int:
    pairs = ((one.perceptual, other.perceptual), (one.vertical, other.vertical), (one.detail, other.detail))
    return sum(_bits(*pair) for pair in pairs)


def _match(one: Asset, other: Asset) -> bool:
    if one.digest and one.digest == other.digest:
        return True
    if one.perceptual is None or other.perceptual is None:
        return False
    quality = min(100 if each.quality is None else each.quality for each in (one, other))
    small = _bits(one.perceptual, other.perceptual) + _bits(one.vertical, other.vertical)
    share = max(0, min(50, quality - 30))
    near = small <= MAX_DISTANCE // 5 and _distance(one, other) * 50 <= MAX_DISTANCE * share
    return quality >= MIN_QUALITY and near


def _belongs(stored: Stored, asset: int, kept: frozenset[int], cluster: frozenset[int]) -> bool:
    """Whether an image of the cluster matches one of the keeper's cluster; clusters are decided to be the same."""
    return asset in kept or any(_match(stored.assets[one], stored.assets[other]) for one in kept for other in cluster)


def _clusters(stored: Stored) -> dict[int, frozenset[int]]:
    cluster_of = {pk: {pk} for pk in stored.assets}
    for decision in stored.decisions:
        if decision.verdict == "same":
            joined = cluster_of[decision.lower] | cluster_of[decision.higher]
            cluster_of.update(dict.fromkeys(joined, joined))
    return {pk: frozenset(cluster) for pk, cluster in cluster_of.items()}


def _pairs_decided_different(stored: Stored) -> set[frozenset[int]]:
    return {frozenset({each.lower, each.higher}) for each in stored.decisions if each.verdict != "same"}


def _check_all_matches_are_grouped(
    stored: Stored, group_of: dict[int, int], same: dict[int, frozenset[int]], different: set[frozenset[int]]
) -> None:
    groups = [[asset for asset, *_ in members] for members in stored.members.values()]
    alone = [[pk] for pk, asset in stored.assets.items() if asset.perceptual is not None and pk not in group_of]
    for here, there in combinations([*groups, *alone], 2):
        # Two groups may have matching members. An image without a group must be kept out by a decision.
        if min(len(here), len(there)) > 1 or not _match(stored.assets[here[0]], stored.assets[there[0]]):
            continue
        clusters = [{one for key in keys for one in same[key]} for keys in (here, there)]
        forbidden = any(frozenset({one, other}) in different for one in clusters[0] for other in clusters[1])
        assert forbidden, f"{here[0]} and {there[0]} match and are not grouped"
