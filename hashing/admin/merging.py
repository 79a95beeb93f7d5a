"""Delete the rows of the site that own marked duplicates, as their source says."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from html import unescape
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.utils import get_deleted_objects
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, models, transaction
from django.db.models import ProtectedError, RestrictedError
from django.http import HttpRequest
from django.utils.html import strip_tags
from django.utils.translation import gettext as _

from hashing.admin.owners import may_delete
from hashing.models import ImageAsset
from hashing.sources.owners import Owner, find_owners
from hashing.sources.source import ImageSource
from hashing.text import first_line

logger = logging.getLogger(__name__)

Assets = Sequence[ImageAsset]


class Refusal(Exception):
    """Why an image must stay."""


class Merging:
    """What happens to the owners of some marked duplicates; `keepers` has the key of what is kept of each."""

    def __init__(
        self, assets: Assets, keepers: Mapping[int, int | None], request: HttpRequest, site: AdminSite, using: str
    ) -> None:
        self._request, self._site, self._using = request, site, using
        self._keepers = keepers
        kept = ImageAsset.objects.using(using).filter(pk__in=[pk for pk in keepers.values() if pk])
        self._owners = find_owners([*assets, *kept], using)

    def owners_of(self, asset: ImageAsset) -> list[Owner]:
        return self._owners.get(asset.pk, [])

    def rows_by_model(self, assets: Assets) -> dict[type[models.Model], list[Any]]:
        """The rows that would go, each once."""
        rows: defaultdict[type[models.Model], dict[Any, Any]] = defaultdict(dict)
        for asset in assets:
            for owner in self.owners_of(asset):
                rows[type(owner.row)][owner.row.pk] = owner.row
        return {model: list(found.values()) for model, found in rows.items()}

    def reason_to_stay(self, asset: ImageAsset) -> str:
        """Why the rows of an image cannot be deleted; empty when they can."""
        owners = self.owners_of(asset)
        kept = {(type(owner.row), owner.row.pk) for owner in self._kept_owners(asset)}
        if kept & {(type(owner.row), owner.row.pk) for owner in owners}:
            return _("the row that it belongs to has the picture that is kept as well")
        if not all(may_delete(owner, self._request, self._site) for owner in owners):
            kinds = ", ".join(sorted({str(owner.source.model._meta.verbose_name) for owner in owners}))
            return _("you do not have the permission to delete: %(kinds)s") % {"kinds": kinds}
        return next(filter(None, map(self._protection, owners)), "")

    def related(self, assets: Assets) -> dict[str, int]:
        """What goes with the rows, and the rows themselves: how many of each kind."""
        counts: dict[str, int] = {}
        for model, rows in self.rows_by_model(assets).items():
            found = get_deleted_objects(rows, self._request, self._site)[1]
            # What a source of the site's own does with its rows is for it to say; here are the rows alone.
            for kind, count in (found or {str(model._meta.verbose_name_plural): len(rows)}).items():
                counts[str(kind)] = counts.get(str(kind), 0) + count
        return counts

    def merge(self, asset: ImageAsset) -> None:
        """Let the source of each owner delete its row, in a savepoint. Raises `Refusal` when the image must stay."""
        kept, owners = next(iter(self._kept_owners(asset)), None), self.owners_of(asset)
        try:
            with ExitStack() as savepoints:
                # A router may keep the rows in another database. Its transaction ends first: an asset without its row
                # goes with the next sync, but a row without its asset would be registered again.
                for using in dict.fromkeys([self._using, *(owner.row._state.db for owner in owners)]):
                    savepoints.enter_context(transaction.atomic(using=using))
                for owner in owners:
                    owner.source.merge(kept.row if kept else None, owner.row, self._request.user)
                self._finish(asset)
        except (ProtectedError, RestrictedError, IntegrityError) as error:
            raise Refusal(_("other rows need it: %(error)s") % {"error": first_line(error)}) from error
        except ValidationError as error:
            raise Refusal("; ".join(error.messages)) from error
        except (Refusal, DatabaseError):
            raise
        # The site's own rule may fail for one row: the others must not wait for it.
        except Exception as error:
            logger.exception("The source of image %s failed to merge it", asset.pk)
            raise Refusal(_("deleting its row failed; the log of the site says why")) from error

    def _finish(self, asset: ImageAsset) -> None:
        rows = ImageAsset.objects.using(self._using)
        keeper = self._keepers.get(asset.pk)
        if keeper and not rows.filter(pk=keeper).exists():
            raise Refusal(_("the picture that is kept would go with it"))
        if any(_exists(owner) for owner in find_owners(rows.filter(pk=asset.pk), self._using).get(asset.pk, [])):
            raise Refusal(_("its row was not deleted"))
        rows.filter(pk=asset.pk).delete()

    def _kept_owners(self, asset: ImageAsset) -> list[Owner]:
        keeper = self._keepers.get(asset.pk)
        return self._owners.get(keeper, []) if keeper else []

    def _protection(self, owner: Owner) -> str:
        if type(owner.source).merge is not ImageSource.merge:
            return ""
        _objects, _counts, lacking, protected = get_deleted_objects([owner.row], self._request, self._site)
        if protected:
            names = ", ".join(unescape(strip_tags(str(each))) for each in protected[:3])
            return _("other rows need it: %(names)s") % {"names": names}
        if lacking:
            kinds = ", ".join(sorted(map(str, lacking)))
            return _("you do not have the permission to delete: %(kinds)s") % {"kinds": kinds}
        return ""


def _exists(owner: Owner) -> bool:
    return owner.source.model._base_manager.using(owner.row._state.db).filter(pk=owner.row.pk).exists()
