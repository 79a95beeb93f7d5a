from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.db import router
from django.db.models import Count, F, QuerySet
from django.utils.translation import gettext as _

from hashing.admin.review.history import log_messages
from hashing.admin.review.identical_files.groups import identical_groups, open_members
from hashing.admin.review.identical_files.job import IdenticalFilesJob
from hashing.admin.review.verdicts import DecidedImages, keep_message, same_message
from hashing.admin.visibility import ImageAccess
from hashing.grouping.decisions import keep_in_groups
from hashing.grouping.deletion import file_problem, record_problem
from hashing.grouping.group_rows import with_groups_locked
from hashing.models import DuplicateGroup, GroupMember, ImageAsset, PairDecision
from hashing.stored_files.availability import StorageUnavailable

# Groups and images of one transaction; a larger group is a transaction of its own.
MAX_GROUPS, MAX_IMAGES = 200, 2000


class Checked(NamedTuple):
    """The file of a keeper that was found in its storage."""

    keeper: int
    name: str
    size: int | None


def keep_identical(job: IdenticalFilesJob, rows: QuerySet[DuplicateGroup], access: ImageAccess, seconds: float) -> bool:
    """Decide about the groups of the job in short transactions. Return whether some are left after these seconds.

    A group is decided as a whole or not at all, and what is done is not done again: a job that was interrupted can be
    continued, or started again.
    """
    using, end = router.db_for_write(PairDecision), time.monotonic() + seconds
    while chunk := read_chunk(job, rows.using(using), access):
        checked = check_keepers(chunk, job, using)
        if job.error:
            return False
        with_groups_locked(using, decide_chunk, checked, job, rows.using(using), access)
        job.after = chunk[-1].pk
        if time.monotonic() > end:
            return True
    count_decided(job, using)
    return False


def count_decided(job: IdenticalFilesJob, using: str) -> None:
    """Count what is decided, also by a request of this job whose answer was lost."""
    decided = PairDecision.objects.using(using).filter(batch=job.batch)
    keeper = F("lower") + F("higher") - F("duplicate")
    found = decided.aggregate(images=Count("pk"), groups=Count(keeper, distinct=True))
    job.images, job.groups = found["images"], found["groups"]


def read_chunk(job: IdenticalFilesJob, rows: QuerySet[DuplicateGroup], access: ImageAccess) -> list[DuplicateGroup]:
    found = identical_groups(rows, access).filter(pk__gt=job.after, pk__lte=job.last_group)
    groups = found.exclude(pk__in=job.left_out).select_related("keeper")
    chunk: list[DuplicateGroup] = []
    images = 0
    for group in groups[:MAX_GROUPS]:
        images += group.open_count
        if chunk and images > MAX_IMAGES:
            break
        chunk.append(group)
    return chunk


def check_keepers(groups: Iterable[DuplicateGroup], job: IdenticalFilesJob, using: str) -> dict[int, Checked]:
    """Return the keepers whose files are there, by the keys of their groups; count the groups of the others.

    This asks the storage, which may take long, so the groups must not be locked yet.
    """
    checked = {}
    for group in groups:
        keeper = group.keeper
        try:
            problem = file_problem(keeper)
        except StorageUnavailable as error:
            job.error = str(error)
            break
        if problem:
            record_problem(keeper, problem, using)
            job.add_left([_("the file of the keeper is missing, or not the one that was hashed")])
        else:
            checked[group.pk] = checked_file(keeper)
    return checked


def checked_file(keeper: ImageAsset) -> Checked:
    return Checked(keeper.pk, keeper.image.name or "", keeper.file_size)


def decide_chunk(
    checked: Mapping[int, Checked], job: IdenticalFilesJob, rows: QuerySet[DuplicateGroup], access: ImageAccess
) -> None:
    """Decide about those of the groups that are still as they were checked. The groups must be locked."""
    user_pk: Any = access.request.user.pk
    groups = {
        group.pk: group for group in identical_groups(rows, access).filter(pk__in=checked).select_related("keeper")
    }
    members: defaultdict[int, list[GroupMember]] = defaultdict(list)
    for member in open_members(list(groups), access).using(rows.db).select_related("asset"):
        members[member.group_id].append(member)
    reasons = find_reasons(groups, members, checked, job, access, rows.db)
    chosen = [(group.keeper, members[pk]) for pk, group in groups.items() if pk not in reasons]
    keeper_of = {member.asset_id: keeper.pk for keeper, others in chosen for member in others}
    if keeper_of:
        keep_in_groups(keeper_of, user_pk, job.key)
        log_messages(user_pk, messages_of(chosen))
    job.groups += len(chosen)
    job.images += len(keeper_of)
    job.add_left([*reasons.values(), *(changed() for pk in checked if pk not in groups)])


def find_reasons(
    groups: Mapping[int, DuplicateGroup],
    members: Mapping[int, list[GroupMember]],
    checked: Mapping[int, Checked],
    job: IdenticalFilesJob,
    access: ImageAccess,
    using: str,
) -> dict[int, str]:
    """Return the groups to be left as they are, each with the reason."""
    keys = [*(group.keeper_id for group in groups.values()), *(m.asset_id for some in members.values() for m in some)]
    decisions = PairDecision.objects.using(using).in_force()
    marked = set(decisions.filter(duplicate__in=keys).values_list("duplicate", flat=True))
    reasons = {}
    for pk, group in groups.items():
        assets = [group.keeper, *(member.asset for member in members[pk])]
        if checked_file(group.keeper) != checked[pk] or any(each.pk > job.last_member for each in members[pk]):
            reasons[pk] = changed()
        elif not marked.isdisjoint(asset.pk for asset in assets):
            reasons[pk] = _("an image is marked as a duplicate of one outside")
        elif not all(access.allows("change", asset) for asset in assets):
            reasons[pk] = _("not all of the images are yours to change")
    return reasons


def changed() -> str:
    return _("changed since the page was loaded")


def messages_of(chosen: Iterable[tuple[ImageAsset, list[GroupMember]]]) -> Iterable[tuple[ImageAsset, str]]:
    """Yield each image with the message for its history."""
    for keeper, others in chosen:
        yield keeper, keep_message(DecidedImages(keeper, keeper, others=len(others)))
        for member in others:
            yield member.asset, same_message(DecidedImages(member.asset, keeper))
