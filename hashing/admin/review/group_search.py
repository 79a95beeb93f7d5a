from __future__ import annotations

from django.db.models import Q, QuerySet

from hashing.admin.review.visible_groups import Groups
from hashing.admin.visibility import ImageAccess
from hashing.db.base_names import BaseNameKey, base_name_key
from hashing.db.expressions import HasKey
from hashing.models import DuplicateGroup, GroupMember
from hashing.text import parse_integer

# Groups that a search finds. Above this, a longer part of the name finds fewer.
MAX_FOUND = 1000


def search_groups(groups: Groups, text: str, access: ImageAccess) -> Groups:
    """Return the groups with an image of this name, else those with this number or these words in the name of an image.

    Images that the user may not see are not searched. The database searches once, here, although the list and its
    header need the groups several times.
    """
    text = text.strip()
    if not text:
        return groups
    return groups.filter(HasKey(find_named(groups, text, access) or find_matching(groups, text, access)))


def find_named(groups: QuerySet[DuplicateGroup], text: str, access: ImageAccess) -> list[int]:
    """Return the keys of the groups that have an image of exactly this name, with or without its folder."""
    # An index has these names.
    named = access.images.alias(base_name=BaseNameKey("image")).filter(base_name=base_name_key(text))
    if "/" in text:
        named = named.filter(image__iexact=text)
    keys = list(named.filter(membership__isnull=False).values_list("membership__group", flat=True)[:MAX_FOUND])
    return list(groups.order_by().filter(HasKey(keys)).values_list("pk", flat=True)) if keys else []


def find_matching(groups: QuerySet[DuplicateGroup], text: str, access: ImageAccess) -> list[int]:
    """Return the keys of the groups that have an image with this number, or with all these words in its name."""
    members = GroupMember.objects.filter(group__in=groups.order_by().values("pk"))
    matches = Q(*(Q(name__icontains=word) for word in text.split()))
    number = parse_integer(text)
    found = access.limit(members.filter(matches if number is None else matches | Q(asset=number)), "asset")
    return list(found.order_by().values_list("group", flat=True).distinct()[:MAX_FOUND])
