from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from django.db.models import Case, IntegerField, Model, QuerySet, Value, When

from hashing.db.expressions import HasKey
from hashing.db.paging import batches
from hashing.db.queryset_state import has_annotation
from hashing.fingerprint.fingerprint import Fingerprint
from hashing.fingerprint.similarity import Match
from hashing.indexing.owners import asset_database, find_asset
from hashing.models import CoOwner, ImageAsset
from hashing.sources.keys import SourceKey, key_field
from hashing.sources.registry import UnknownSource, sources_of_model
from hashing.sources.source import ImageSource

Rows = TypeVar("Rows", bound=QuerySet[Any])


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
    a hash. Rows match by the rule of `ImageAsset.objects.similar_to()` and are annotated with the `distance`, 0 to 384,
    with the `picture_framing`, a value of `hashing.fingerprint.similarity.Framing`, and with `any_orientation` also
    with the `picture_orientation`, a value of `hashing.fingerprint.orientations.Orientation`. Rows that share the file
    of the given row match with a distance of 0. A row without a registered file matches nothing, and a row that is not
    hashed yet matches only equal files.

    If the model has several file fields, all are searched and a row has its smallest distance. `field` limits the
    search to one of them; if the picture is a row of the same model, it is the one in this field.

    The call searches; the rows are read when the queryset is evaluated. Raise `UnknownSource` if the model or the
    field is not a source of the site, and `ValueError` where `similar_to()` does.
    """
    rows: Any = queryset.all()
    sources = sources_with_keys_of(rows.model, field)
    using = asset_database(rows.db)
    search = RowSearch(using, max_distance, any_orientation=any_orientation)
    if isinstance(row_or_picture, Model) and not isinstance(row_or_picture, ImageAsset):
        for asset in assets_of_row(row_or_picture, sources, using):
            search.add_owned(asset)
            search.add_similar(asset)
        rows = without_row(row_or_picture, rows)
    else:
        search.add_similar(row_or_picture)
    matches = search.matches(sources)
    rows = nearest_first(rows, {key: match.distance for key, match in matches.items()})
    framings = {key: match.framing for key, match in matches.items()}
    rows = rows.annotate(picture_framing=value_by_key(framings))
    if any_orientation:
        orientations = {key: match.orientation for key, match in matches.items()}
        rows = rows.annotate(picture_orientation=value_by_key(orientations))
    return rows  # type: ignore[no-any-return]


def sources_with_keys_of(model: type[Model], field: str | None = None) -> list[ImageSource]:
    """Return the sources whose rows have the same keys as those of a model. Raise `UnknownSource`."""
    of_model = [each for each in sources_of_model(model) if key_field(each.model) == key_field(model)]
    sources = [each for each in of_model if field in (None, each.source_field)]
    if not sources:
        raise UnknownSource(f"{'.'.join(filter(None, (model._meta.label, field)))} is not a source.")
    return sources


def without_row(row: Any, rows: Any) -> Any:
    """Exclude the row, also from a queryset of its parent, child or proxy."""
    if isinstance(row, rows.model._meta.concrete_model):
        return rows.exclude(pk=getattr(row, rows.model._meta.pk.attname))
    if issubclass(rows.model, row._meta.concrete_model):
        return rows.exclude(**{row._meta.pk.attname: row.pk})
    return rows


def assets_of_row(row: Model, searched: Sequence[ImageSource], using: str) -> Iterable[ImageAsset]:
    """Return the assets in the fields of a row that are searched, or in all of its fields if none of them is."""
    own = sources_with_keys_of(type(row))
    found = (find_asset(source.key_of(row), using) for source in [each for each in own if each in searched] or own)
    return {asset.pk: asset for asset in found if asset is not None}.values()


class RowSearch:
    """Searches assets, and returns the rows that own them."""

    def __init__(self, using: str, max_distance: int | None, *, any_orientation: bool) -> None:
        self._using, self._max_distance, self._any_orientation = using, max_distance, any_orientation
        self._matches: dict[int, Match] = {}
        self._owners: dict[int, SourceKey | None] = {}

    def add_owned(self, asset: ImageAsset) -> None:
        """Let all rows with this file match."""
        self._add(asset.pk, asset.source_key, Match(0))

    def add_similar(self, picture: Any) -> None:
        assets = ImageAsset.objects.using(self._using)
        similar = assets.similar_to(picture, self._max_distance, any_orientation=self._any_orientation)
        # A hash has neither a frame nor an orientation.
        match = [name for name in Match._fields if has_annotation(similar, name)]
        for pk, source_type, source_id, source_field, *found in similar.values_list(
            "pk", "source_type", "source_id", "source_field", *match
        ):
            self._add(pk, SourceKey.of(source_type, source_id, source_field), Match(*found))

    def matches(self, sources: Sequence[ImageSource]) -> dict[Any, Match]:
        """Return the nearest match of each row of the sources that has one, by its key."""
        chosen = {source.label: source for source in sources}
        found: dict[Any, Match] = {}
        for owner, match in self._owned():
            source = chosen.get(owner.source_label)
            key = source.parse_pk(owner.source_id) if source else None
            if key is not None:
                found[key] = min(match, found.get(key, match))
        return found

    def _add(self, pk: int, owner: SourceKey | None, match: Match) -> None:
        self._matches[pk] = min(match, self._matches.get(pk, match))
        self._owners[pk] = owner

    def _owned(self) -> Iterable[tuple[SourceKey, Match]]:
        for pk, owner in self._owners.items():
            if owner is not None:
                yield owner, self._matches[pk]
        for batch in batches(self._matches):
            for each in CoOwner._base_manager.using(self._using).filter(asset__in=batch):
                yield each.source_key, self._matches[each.asset_id]


def nearest_first(rows: Any, distances: Mapping[Any, int]) -> Any:
    """Return the rows with these keys, with their distances."""
    found = rows.filter(HasKey(list(distances))) if distances else rows.none()
    return found.annotate(distance=value_by_key(distances)).order_by("distance", "pk")


def value_by_key(values: Mapping[Any, int]) -> Case | Value:
    # Django accepts no Case without a When.
    if not values:
        return Value(0)
    keys_of: defaultdict[int, list[Any]] = defaultdict(list)
    for key, value in values.items():
        keys_of[value].append(key)
    whens = [When(HasKey(keys), then=Value(value)) for value, keys in keys_of.items()]
    return Case(*whens, output_field=IntegerField())
