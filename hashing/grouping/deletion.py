"""What must hold before a marked duplicate is deleted: an image is kept in its place, and the file of that exists."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import NamedTuple

from django.core.files.storage import Storage
from django.utils.translation import gettext as _

from hashing.db.locks import lock_without_waiting
from hashing.db.paging import batches
from hashing.grouping.incremental import update_groups
from hashing.grouping.pair_constraints import PairConstraints, is_sound, read_constraints_around
from hashing.models.image_asset import ImageAsset
from hashing.models.pair_decisions import PairDecision
from hashing.sources.keys import SourceKey
from hashing.sources.storages import find_storages
from hashing.stored_files.availability import StorageUnavailable, check_storage
from hashing.text import first_line, printable
from hashing.workers.worker import FILE_NOT_FOUND

logger = logging.getLogger(__name__)


def stored_file_problem(storage: Storage, name: str, size: int | None) -> str:
    """Return what is wrong with a file, empty if it is the one that was hashed. Raise `StorageUnavailable`.

    Asks the storage, which may take long: not for a transaction, and never while the groups are locked.
    """
    try:
        if not name or not storage.exists(name):
            check_storage(storage)
            return f"{FILE_NOT_FOUND} {name}"
        if size is not None and storage.size(name) != size:
            return _("The file at %(name)s is not the one that was hashed") % {"name": name}
    except StorageUnavailable:
        raise
    # Whatever a storage raises.
    except Exception as error:
        raise StorageUnavailable(f"{type(error).__name__}: {first_line(error)}") from error
    return ""


def file_problem(asset: ImageAsset) -> str:
    """Return what is wrong with the file of an asset: see `stored_file_problem`."""
    return stored_file_problem(asset.image.storage, asset.image.name or "", asset.file_size)


def record_problem(asset: ImageAsset, problem: str, using: str) -> None:
    """Store what `file_problem` found as the error of the row, and give its group another keeper if it was the keeper.

    The hash stays, and so does the image in its group, but it is no keeper as long as its row has an error.
    """
    rows = ImageAsset.objects.using(using).hashed().filter(pk=asset.pk, image=asset.image.name)
    is_new = rows.exclude(hash_error=problem).update(hash_error=problem)
    # If the file is back, a decision follows, which updates the group.
    if is_new and problem:
        update_groups([asset.pk], using)


def find_kept(keys: Collection[int], using: str) -> dict[int, int]:
    """Return by the key of each marked duplicate the end of its duplicate-of chain, which is not marked itself."""
    return {key: chain[-1] for key, chain in find_chains(keys, using).items() if len(chain) > 1}


def find_chains(keys: Collection[int], using: str) -> dict[int, list[int]]:
    """Return the duplicate-of chain from each of the images, which begins with the image itself.

    One query for each step of the longest chain.
    """
    parents = dict[int, int]()
    pending = set(keys)
    while pending:
        marks = PairDecision.objects.using(using).in_force().order_by("pk")
        for batch in batches(pending):
            for duplicate, *pair in marks.filter(duplicate__in=batch).values_list("duplicate", "lower", "higher"):
                parents[duplicate] = sum(pair) - duplicate
        pending = {parents[key] for key in pending if key in parents} - parents.keys()
    return {key: chain_from(key, parents) for key in keys}


def chain_from(key: int, parents: Mapping[int, int]) -> list[int]:
    chain = [key]
    # Duplicate-of is a forest. Nothing hangs if somebody has written a circle into the table.
    while (parent := parents.get(chain[-1], key)) not in chain:
        chain.append(parent)
    return chain


class Keeper(NamedTuple):
    """An asset for which duplicates may be deleted, with the file it had when it was checked."""

    pk: int
    name: str
    size: int | None
    source: SourceKey | None = None


def lock_with_keepers(keys: Collection[int], using: str) -> set[int]:
    """Lock marked duplicates and their duplicate-of chains until the transaction ends, without waiting.

    Until then, nobody else deletes them or replaces their files. Return those of the keys that must stay, because
    somebody else has locked one of these rows.
    """
    chains = find_chains(keys, using)
    busy = lock_without_waiting(ImageAsset.objects.using(using), {key for chain in chains.values() for key in chain})
    return {key for key, chain in chains.items() if not busy.isdisjoint(chain)}


def find_keepers(keys: Collection[int], using: str) -> set[Keeper]:
    """Return the keepers of these marked duplicates whose files are in the storage, in the size that was hashed."""
    keepers = read_keepers(keys, read_constraints_around(set(keys), using), using)
    storages = find_storages({keeper.source for keeper in keepers}, using)
    return {each for each in keepers if each.source in storages and has_file(each, storages[each.source])}


def reasons_to_stay(keys: Collection[int], using: str, present: Collection[Keeper]) -> dict[int, str]:
    """Return those of the marked duplicates that must not be deleted, each with the reason.

    A duplicate needs a keeper among those that are `present`: the same image, not marked itself, hashed, and with its
    file in the storage. And its own file must be the one that was compared.
    """
    constraints = read_constraints_around(set(keys), using)
    kept = {keeper.pk for keeper in read_keepers(keys, constraints, using) if keeper in present}
    unhashed = ImageAsset.objects.using(using).never_tried()
    replaced = {key for batch in batches(keys) for key in unhashed.filter(pk__in=batch).values_list("pk", flat=True)}
    reasons = {}
    for key in keys:
        if key in replaced:
            reasons[key] = _("its file is new, and is not compared yet")
        elif kept.isdisjoint(unmarked_copies(key, constraints)):
            reasons[key] = _("no image is kept in its place: the keeper has no readable file, or another one")
    return reasons


def read_keepers(keys: Collection[int], constraints: PairConstraints, using: str) -> set[Keeper]:
    """Return the keepers of marked duplicates by their rows, without looking for their files."""
    copies = {other for key in keys for other in unmarked_copies(key, constraints)}
    sound = ImageAsset.objects.using(using).filter(is_sound())
    columns = ("pk", "image", "file_size", "source_type", "source_id", "source_field")
    return {
        Keeper(pk, name, size, SourceKey.of(*source))
        for batch in batches(copies)
        for pk, name, size, *source in sound.filter(pk__in=batch).values_list(*columns)
    }


def unmarked_copies(key: int, constraints: PairConstraints) -> set[int]:
    """Return the assets that are the same as this one and not marked. Of a consistent must-link set, it is one."""
    return set(constraints.must_link.get(key, ())) - constraints.marked - constraints.cannot_link.get(key, set())


def has_file(keeper: Keeper, storage: Storage) -> bool:
    """Return whether the file of a keeper is known to be there."""
    try:
        return not stored_file_problem(storage, keeper.name, keeper.size)
    except StorageUnavailable as error:
        logger.warning("%s cannot be checked: %s", printable(keeper.name), error)
        return False
