"""What a decision has done, in words for the person and for the history."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hashing.models import ImageAsset
from hashing.text import isolated


def same(asset: ImageAsset, keeper: ImageAsset) -> str:
    return _("%(name)s is marked as a duplicate of %(keeper)s.") % {"name": isolated(asset), "keeper": isolated(keeper)}


def different(asset: ImageAsset, keeper: ImageAsset) -> str:
    text = _("%(name)s and %(keeper)s are not the same, and will not come up together again.")
    return text % {"name": isolated(asset), "keeper": isolated(keeper)}


def kept(asset: ImageAsset, marked: int) -> str:
    text = ngettext(
        "%(name)s is kept, and %(marked)d picture is marked as its duplicate.",
        "%(name)s is kept, and %(marked)d pictures are marked as its duplicates.",
        marked,
    )
    return text % {"name": isolated(asset), "marked": marked}
