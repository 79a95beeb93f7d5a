from __future__ import annotations

import pytest

from hashing.sources import SourceKey, UnknownSource, find_sources
from hashing.sources.registry import group_by_source, source_of_field, sources_of_model
from tests.site_models.models import Picture, PictureProxy, Poster, Product

PICTURE, FRONT, BACK = "site_models.Picture.image", "site_models.Product.front", "site_models.Product.back"


def labels(sources) -> list[str]:
    return [source.label for source in sources]


@pytest.mark.parametrize(
    ("label", "found"),
    [(PICTURE, [PICTURE]), ("site_models.product", [FRONT, BACK]), ("SITE_MODELS.PRODUCT.BACK", [BACK])],
)
def test_label_names_a_field_or_all_fields_of_a_model(sources, label, found):
    assert labels(find_sources(label)) == found


def test_unknown_label_is_refused_with_the_known_ones(sources):
    sources(PICTURE)
    with pytest.raises(UnknownSource, match=rf"no source 'site_models.Scan'. The sources of this site: {PICTURE}\."):
        find_sources("site_models.Scan")


def test_source_that_was_taken_out_of_the_settings_keeps_its_keys(sources):
    sources(FRONT)
    keys = [SourceKey("site_models.Picture", "1", "image"), SourceKey("site_models.Product", "A", "front")]
    found = {source.label: of_source for source, of_source in group_by_source(keys)}
    assert found == {PICTURE: [keys[0]], FRONT: [keys[1]]}
    assert list(group_by_source([SourceKey("site_models.Gone", "1", "image")])) == []


def test_children_and_proxies_belong_to_the_source_of_their_model(sources):
    assert [labels(sources_of_model(model)) for model in (Picture, PictureProxy, Poster)] == [[PICTURE]] * 3
    assert source_of_field(Product, "back").label == BACK
    assert source_of_field(Product, "sku") is None
