from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.db import models, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from hashing.admin.deletion.failures import reason_of_failure
from hashing.admin.deletion.related_rows import (
    Assets,
    Reasons,
    RelatedRows,
    collect_related,
    find_reasons_to_stay,
    missing_permission,
)
from hashing.admin.owners import is_permitted
from hashing.admin.visibility import find_hidden
from hashing.indexing.owners import Owner, find_owners
from hashing.models import ImageAsset
from hashing.sources.source import ImageSource


class Refusal(Exception):
    """Why an image must stay."""


class Merging:
    """What happens to the owners of marked duplicates. `keepers` maps the key of each to that of the image kept."""

    def __init__(
        self, assets: Assets, keepers: Mapping[int, int | None], request: HttpRequest, site: AdminSite, using: str
    ) -> None:
        self._request, self._site, self._using = request, site, using
        self._keepers = keepers
        kept = ImageAsset.objects.using(using).filter(pk__in=[pk for pk in keepers.values() if pk])
        self._owners = find_owners([*assets, *kept], using)
        owners = (owner for asset in assets for owner in self.owners_of(asset))
        self._hidden = find_hidden((owner.row for owner in owners), request, site)

    def owners_of(self, asset: ImageAsset) -> list[Owner]:
        return self._owners.get(asset.pk, [])

    def find_reasons_to_stay(self, assets: Assets, count: Callable[[RelatedRows], object]) -> Reasons:
        """Return why the rows of some images cannot be deleted. Call `count` with what goes with the others."""
        reasons = {asset.pk: reason for asset in assets if (reason := self._own_reason(asset))}
        others = [asset for asset in assets if asset.pk not in reasons]
        return reasons | find_reasons_to_stay(others, self._collect, count)

    def _own_reason(self, asset: ImageAsset) -> str:
        owners = self.owners_of(asset)
        kept = {(type(owner.row), owner.row.pk) for owner in self._kept_owners(asset)}
        if kept & {(type(owner.row), owner.row.pk) for owner in owners}:
            return _("the row that it belongs to has the image that is kept as well")
        if not all(self._is_permitted(owner) for owner in owners):
            return missing_permission({str(owner.source.model._meta.verbose_name) for owner in owners})
        return ""

    def _is_permitted(self, owner: Owner) -> bool:
        is_hidden = (type(owner.row), owner.row.pk) in self._hidden
        return not is_hidden and is_permitted("delete", owner, self._request, self._site)

    def _collect(self, assets: Assets) -> RelatedRows:
        """Return the owners of some images and what goes with them."""
        counts, cleared = Counter[str](), Counter[str]()
        forbidden, protected = set[str](), list[str]()
        for model, owners in self._owners_by_model(assets).items():
            # A source with a `merge` of its own decides what goes with a row: only the row itself is counted.
            rows = {owner.row.pk: owner.row for owner in owners if type(owner.source).merge is ImageSource.merge}
            counts[str(model._meta.verbose_name_plural)] += len({owner.row.pk for owner in owners} - rows.keys())
            if rows:
                related = collect_related(find_model_admin(model, self._site), [*rows.values()], self._request)
                counts.update({str(name): count for name, count in related.counts.items()})
                cleared.update(related.cleared)
                forbidden.update(map(str, related.forbidden))
                protected += related.protected
        return RelatedRows(+counts, forbidden, protected, cleared)

    def _owners_by_model(self, assets: Assets) -> dict[type[models.Model], list[Owner]]:
        owners: defaultdict[type[models.Model], list[Owner]] = defaultdict(list)
        for asset in assets:
            for owner in self.owners_of(asset):
                owners[type(owner.row)].append(owner)
        return owners

    def merge(self, asset: ImageAsset) -> None:
        """Let the source of each owner merge its row, in a savepoint. Raise `Refusal` if the image must stay."""
        kept, owners = next(iter(self._kept_owners(asset)), None), self.owners_of(asset)
        try:
            with ExitStack() as savepoints:
                # Rows in another database are committed first: the next sync deletes an asset without its row, but
                # would register a row without its asset again.
                for using in dict.fromkeys([self._using, *(owner.row._state.db for owner in owners)]):
                    savepoints.enter_context(transaction.atomic(using=using))
                for owner in owners:
                    owner.source.merge(kept.row if kept else None, owner.row, self._request.user)
                self._finish(asset)
        except Refusal:
            raise
        # Code of the site, which may fail for one row and work for the others.
        except Exception as error:
            raise Refusal(reason_of_failure(error, [asset])) from error

    def _finish(self, asset: ImageAsset) -> None:
        rows = ImageAsset.objects.using(self._using)
        keeper = self._keepers.get(asset.pk)
        if keeper and not rows.filter(pk=keeper).exists():
            raise Refusal(_("the image that is kept would go with it"))
        if any(exists(owner) for owner in find_owners(rows.filter(pk=asset.pk), self._using).get(asset.pk, [])):
            raise Refusal(_("its row was not deleted"))
        rows.filter(pk=asset.pk).delete()

    def _kept_owners(self, asset: ImageAsset) -> list[Owner]:
        keeper = self._keepers.get(asset.pk)
        return self._owners.get(keeper, []) if keeper else []


def find_model_admin(model: type[models.Model], site: AdminSite) -> ModelAdmin[Any]:
    return site.get_model_admin(model) if site.is_registered(model) else ModelAdmin(model, site)


def exists(owner: Owner) -> bool:
    return owner.source.model._base_manager.using(owner.row._state.db).filter(pk=owner.row.pk).exists()
