"""The rows of the site's own models that show the same picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Case, IntegerField, Model, QuerySet, Value, When

from hashing.db.paging import HasKey, batches
from hashing.indexing.signals import asset_database, source_pk
from hashing.models import CoOwner, ImageAsset
from hashing.sources.keys import key_field
from hashing.sources.registry import UnknownSource, all_sources, sources_of_model
from hashing.sources.source import ImageSource

if TYPE_CHECKING:
    from hashing.fingerprint.fingerprint import Fingerprint

Rows = TypeVar("Rows", bound=QuerySet[Any])
SourceName = tuple[str | None, str | None]


def similar_rows(
    queryset: Rows,
    row_or_picture: Model | Fingerprint | str,
    max_distance: int | None = None,
    *,
    any_orientation: bool = False,
    field: str | None = None,
) -> Rows:
    """Return the rows of a queryset that show the same picture, nearest first, without the row itself. Exact.

    The model of the queryset must be a source. The picture is a row of any source, an `ImageAsset`, a `Fingerprint` or
    a hash; what matches is the rule of `ImageAsset.objects.similar_to()`, and rows are annotated with `distance` as
    there. Rows that share the very file of the row match with a distance of 0. A row that has no file, or none that is
    registered, matches nothing, and one that is not hashed yet only equal files.

    A model with several file fields is searched in all of them, and a row has its least distance. `field` names one of
    them; of a given row of the same model, it is the picture in this field that is searched by.

    The search is made by the call; the rows are read when the queryset is evaluated. Raises `UnknownSource` for a model
    or a field that is no source of the site, and `ValueError` where `similar_to()` does.
    """
    rows: Any = queryset.all()
    sources = _sources(rows.model, field)
    using = asset_database(rows.db)
    found = _Distances(using, max_distance, any_orientation=any_orientation)
    if isinstance(row_or_picture, Model) and not isinstance(row_or_picture, ImageAsset):
        for asset in _assets_of(row_or_picture, sources, using):
            found.add_owned_file(asset)
            found.add_similar(asset)
        rows = _without(row_or_picture, rows)
    else:
        found.add_similar(row_or_picture)
    return _annotate(rows, found.by_row(sources))  # type: ignore[no-any-return]


def _sources(model: type[Model], field: str | None = None) -> list[ImageSource]:
    """The sources whose rows a model has, with its own key. Raises `UnknownSource`."""
    of_model = [each for each in sources_of_model(model) if key_field(each.model) == key_field(model)]
    sources = [each for each in of_model if field in (None, each.source_field)]
    if not sources:
        label = ".".join(filter(None, (model._meta.label, field)))
        known = ", ".join(each.label for each in all_sources()) or "none"
        raise UnknownSource(f"{label} is no source. The sources of this site: {known}.")
    return sources


def _assets_of(row: Any, searched: Collection[ImageSource], using: str) -> Iterable[ImageAsset]:
    """The assets of a row: of the fields that are searched, if it has them."""
    own = _sources(type(row))
    assets: dict[int, ImageAsset] = {}
    for source in [each for each in own if each in searched] or own:
        key = source.key(source_pk(source, row))._asdict()
        asset = ImageAsset._base_manager.using(using).filter(**key).first()
        if asset is None:
            shared = CoOwner._base_manager.using(using).filter(**key).select_related("asset").first()
            asset = shared.asset if shared else None
        if asset is not None:
            assets[asset.pk] = asset
    return assets.values()


def _without(row: Any, rows: Any) -> Any:
    """Leave out the row, also where the queryset is of its parent, child or proxy."""
    if isinstance(row, rows.model._meta.concrete_model):
        return rows.exclude(pk=getattr(row, rows.model._meta.pk.attname))
    if issubclass(rows.model, row._meta.concrete_model):
        return rows.exclude(**{row._meta.pk.attname: row.pk})
    return rows


class _Distances:
    """How far each asset is from a picture, and from this, each row of some sources."""

    def __init__(self, using: str, max_distance: int | None, *, any_orientation: bool) -> None:
        self._using, self._max_distance, self._any_orientation = using, max_distance, any_orientation
        self._of_assets: dict[int, int] = {}
        self._owners: dict[int, tuple[SourceName, str | None]] = {}

    def add_similar(self, picture: Any) -> None:
        assets = ImageAsset.objects.using(self._using)
        similar = assets.similar_to(picture, self._max_distance, any_orientation=self._any_orientation)
        columns = ("pk", "source_type", "source_field", "source_id", "distance")
        for pk, source_type, source_field, source_id, distance in similar.values_list(*columns):
            self._add(pk, (source_type, source_field), source_id, distance)

    def add_owned_file(self, asset: ImageAsset) -> None:
        """Let the other rows that have the file match."""
        self._add(asset.pk, (asset.source_type, asset.source_field), asset.source_id, 0)

    def _add(self, pk: int, source: SourceName, source_id: str | None, distance: int) -> None:
        self._of_assets[pk] = min(distance, self._of_assets.get(pk, distance))
        self._owners[pk] = source, source_id

    def by_row(self, sources: Collection[ImageSource]) -> dict[Any, int]:
        """The least distance of each row of the sources, by its key."""
        chosen = {(source.source_type, source.source_field): source for source in sources}
        found: dict[Any, int] = {}
        for name, source_id, distance in self._owned():
            source = chosen.get(name)
            key = None if source is None or source_id is None else source.parse_pk(source_id)
            if key is not None:
                found[key] = min(distance, found.get(key, distance))
        return found

    def _owned(self) -> Iterable[tuple[Any, str | None, int]]:
        for pk, distance in self._of_assets.items():
            yield *self._owners[pk], distance
        for batch in batches(self._of_assets):
            for each in CoOwner._base_manager.using(self._using).filter(asset__in=batch):
                yield (each.source_type, each.source_field), each.source_id, self._of_assets[each.asset_id]


def _annotate(rows: Any, distances: Mapping[Any, int]) -> Any:
    keys_at: defaultdict[int, list[Any]] = defaultdict(list)
    for key, distance in distances.items():
        keys_at[distance].append(key)
    whens = [When(HasKey(keys), then=Value(distance)) for distance, keys in keys_at.items()]
    # Without a row there is no case, and Django takes no empty one.
    least: Any = Case(*whens, output_field=IntegerField()) if whens else Value(0)
    found = rows.filter(HasKey(list(distances))) if whens else rows.none()
    return found.annotate(distance=least).order_by("distance", "pk")
