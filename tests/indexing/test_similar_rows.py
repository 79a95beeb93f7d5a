from __future__ import annotations

import io
import sqlite3
import subprocess
import sys
import uuid

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from PIL import ImageOps

from hashing import similar_rows
from hashing.db.expressions import HasKey
from hashing.fingerprint.fingerprint import HASH_VERSION, Fingerprint
from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import Framing
from hashing.models import ImageAsset
from hashing.perceptual_hash import compute_fingerprint
from hashing.sources import UnknownSource
from samples.pictures import encoded, photo
from tests.site_models.models import Photo, Picture, PictureProxy, Poster, Product, Scan

SMALL = {"perceptual_hash": "0f" * 8, "vertical_hash": "f0" * 8, "hash_quality": 100, "hash_version": HASH_VERSION}


def detail(distance):
    """A detail hash that differs in this many bits from that of distance 0."""
    return f"{(1 << distance) - 1:064x}"


def hash_file(name, distance, **others):
    assert ImageAsset.objects.filter(image=name).update(**SMALL, detail_hash=detail(distance), **others) == 1


def picture(name, distance=0, model=Picture, **others):
    row = model.objects.create(image=f"{name}.jpg", **others)
    hash_file(f"{name}.jpg", distance)
    return row


def photograph(title, distance=0, **others):
    file = ContentFile(encoded(photo(size=(40, 30)), "JPEG"), "photo.jpg")
    row = Photo.objects.create(title=title, original=file, **others)
    hash_file(row.original.name, distance)
    return row


def product(sku, front=None, back=None):
    """`front` and `back` are distances."""
    row = Product.objects.create(sku=sku, front=f"{sku}-front.jpg", back=f"{sku}-back.jpg" if back is not None else "")
    for side, distance in (("front", front), ("back", back)):
        if distance is not None:
            hash_file(f"{sku}-{side}.jpg", distance)
    return row


def found(*arguments, **options):
    return [(row.pk, row.distance) for row in similar_rows(*arguments, **options)]


def test_nearest_come_first_without_the_row_itself(sources):
    first, far, near, _other = (picture(name, bits) for name, bits in (("a", 0), ("b", 9), ("c", 2), ("d", 250)))
    assert found(Picture.objects.all(), first) == [(near.pk, 2), (far.pk, 9)]
    assert found(Picture.objects.all(), first, max_distance=5) == [(near.pk, 2)]


def test_queryset_keeps_its_filters_and_loses_its_order(sources):
    first, near, far = photograph("a"), photograph("b", 3), photograph("b", 7)
    photograph("c", 1)
    assert found(Photo.objects.filter(title="b").order_by("-created"), first) == [(near.pk, 3), (far.pk, 7)]


def test_rows_hidden_by_the_default_manager_stay_hidden(sources):
    first, hidden = photograph("a"), photograph("b", deleted=True)
    assert found(Photo.objects.all(), first) == []
    assert found(Photo._base_manager.all(), first) == [(hidden.pk, 0)]
    assert found(Photo._base_manager.all(), hidden) == [(first.pk, 0)]


def test_result_is_an_ordinary_queryset(sources):
    first, second, third = (picture(name, bits) for name, bits in (("a", 0), ("b", 1), ("c", 2)))
    rows = similar_rows(Picture.objects, first)
    assert rows.count() == 2
    assert rows.exists()
    assert list(rows[1:2]) == [third]
    assert list(rows.filter(distance__lt=2)) == [second]
    assert list(rows.values_list("image", "distance")) == [("b.jpg", 1), ("c.jpg", 2)]
    assert list(Picture.objects.filter(pk__in=rows.values("pk")).order_by("pk")) == [second, third]
    assert rows.filter(image="c.jpg").get() == third
    assert rows.reverse().first() == third


def test_row_with_two_matching_fields_has_the_smaller_distance(sources):
    first = product("A", front=0)
    both, back = product("B 'x' \"y\"", front=8, back=4), product("C/1", back=6)
    assert found(Product.objects.all(), first) == [(both.pk, 4), (back.pk, 6)]


def test_search_can_be_limited_to_one_field(sources):
    first, other = product("A", front=0, back=250), product("B", front=8, back=4)
    assert found(Product.objects.all(), first, field="front") == [(other.pk, 8)]
    assert found(Product.objects.all(), first, field="back") == []


def test_search_by_a_row_of_another_model_uses_all_of_its_fields(sources):
    given = product("A", front=200, back=0)
    like = picture("b", 2)
    assert found(Picture.objects.all(), given) == [(like.pk, 2)]
    assert found(Product.objects.all(), like, field="back") == [("A", 2)]


def test_equal_keys_of_other_models_are_no_matches(sources):
    first, other = picture("a"), picture("b", 250)
    scan = Scan.objects.create(pk=other.pk, file="c.jpg")
    hash_file("c.jpg", 0)
    assert found(Picture.objects.all(), first) == []
    assert found(Scan.objects.all(), first) == [(scan.pk, 0)]


def test_owners_of_one_file_match_with_a_distance_of_0(sources):
    first = picture("a")
    second = Picture.objects.create(image="a.jpg")
    third = picture("c", 3)
    assert found(Picture.objects.all(), first) == [(second.pk, 0), (third.pk, 3)]
    assert found(Picture.objects.all(), second) == [(first.pk, 0), (third.pk, 3)]
    assert found(Picture.objects.all(), third) == [(first.pk, 3), (second.pk, 3)]


def test_proxies_parents_and_children(sources):
    plain, poster = picture("a"), picture("b", 1, model=Poster)
    assert found(PictureProxy.objects.all(), plain) == [(poster.pk, 1)]
    assert found(Poster.objects.all(), plain) == [(poster.pk, 1)]
    assert found(Picture.objects.all(), poster) == [(plain.pk, 1)]
    assert found(Picture.objects.all(), PictureProxy.objects.get(pk=plain.pk)) == [(poster.pk, 1)]
    assert found(Poster.objects.all(), poster) == []
    assert found(Poster.objects.all(), Picture.objects.get(pk=poster.pk)) == []


def test_source_of_a_child_alone(sources):
    sources("site_models.Poster.image")
    first, second = (picture(name, model=Poster) for name in "ab")
    assert found(Poster.objects.all(), first) == [(second.pk, 0)]
    assert found(Picture.objects.all(), first) == [(second.pk, 0)]


def test_picture_may_be_an_asset_a_fingerprint_or_a_hash(sources):
    first, second = picture("a"), picture("b", 3)
    fingerprint = Fingerprint(SMALL["perceptual_hash"], SMALL["vertical_hash"], detail(0), 100, 40, 30)
    assert found(Picture.objects.all(), ImageAsset.objects.get(source_id=first.pk)) == [(second.pk, 3)]
    assert found(Picture.objects.all(), fingerprint) == [(first.pk, 0), (second.pk, 3)]
    assert found(Picture.objects.all(), SMALL["perceptual_hash"]) == [(first.pk, 0), (second.pk, 0)]


def test_row_that_is_not_hashed_yet_matches_only_equal_files(sources):
    first, second = (Picture.objects.create(image=name) for name in ("a.jpg", "b.jpg"))
    picture("c")
    assert found(Picture.objects.all(), first) == []
    ImageAsset.objects.filter(perceptual_hash=None).update(file_digest="d" * 64)
    assert found(Picture.objects.all(), first) == [(second.pk, 0)]


def test_row_without_a_registered_file_matches_nothing(sources):
    picture("a")
    assert found(Picture.objects.all(), Picture(image="a.jpg")) == []
    assert found(Photo.objects.all(), Photo(pk=uuid.uuid4())) == []
    rows = similar_rows(Picture.objects.all(), Picture())
    assert list(rows.values_list("distance")) == []
    assert rows.count() == 0


def test_mirrored_copy_is_found_with_any_orientation(sources):
    first, second = picture("a"), picture("b")
    upright = photo(seed=4)
    for row, image in ((first, upright), (second, ImageOps.mirror(upright))):
        hashes = compute_fingerprint(io.BytesIO(encoded(image, "PNG")))._asdict()
        fields = {name: hashes[name] for name in ("perceptual_hash", "vertical_hash", "detail_hash")}
        ImageAsset.objects.filter(source_id=row.pk).update(**fields)
    assert found(Picture.objects.all(), first) == []
    [match] = similar_rows(Picture.objects.all(), first, any_orientation=True)
    assert (match, match.picture_orientation) == (second, Orientation.MIRRORED)


def test_framed_copy_is_found_by_its_inside(sources):
    first, second, other = picture("a"), picture("b", 250), picture("c", 120)
    inside = {f"inside_{name}": SMALL[name] for name in ("perceptual_hash", "vertical_hash")}
    inside |= {"inside_detail_hash": detail(0), "inside_quality": 90}
    ImageAsset.objects.filter(source_id=second.pk).update(**inside)
    [match] = similar_rows(Picture.objects.all(), first)
    assert (match, match.distance, match.picture_framing) == (second, 0, Framing.ROW)
    [match] = similar_rows(Picture.objects.all(), second)
    assert (match, match.distance, match.picture_framing) == (first, 0, Framing.QUERY)
    assert found(Picture.objects.all(), other) == []


def test_search_of_a_model_that_is_not_a_source_is_refused(sources):
    sources("site_models.Product.front")
    with pytest.raises(UnknownSource, match=r"site_models.Picture is not a source. .*: site_models.Product.front"):
        similar_rows(Picture.objects.all(), SMALL["perceptual_hash"])
    with pytest.raises(UnknownSource, match=r"site_models\.Product\.back is not a source"):
        similar_rows(Product.objects.all(), SMALL["perceptual_hash"], field="back")
    with pytest.raises(UnknownSource, match=r"site_models.Picture is not a source"):
        similar_rows(Product.objects.all(), Picture(pk=1))
    with pytest.raises(ValueError, match="max_distance must be"):
        similar_rows(Product.objects.all(), ImageAsset(), max_distance=400)


def test_more_matches_than_a_query_can_have_parameters(sources):
    first, *others = (picture(str(number), number % 3) for number in range(60))
    rows = similar_rows(Picture.objects.all(), first)
    if connection.vendor == "sqlite":
        before = connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 20)
    expected = [row.pk for row in sorted(others, key=lambda row: (row.pk - first.pk) % 3)]
    assert list(rows.values_list("pk", flat=True)) == expected
    if connection.vendor == "sqlite":
        connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, before)


def test_keys_are_compared_one_by_one_in_databases_of_other_kinds(sources, monkeypatch):
    monkeypatch.delattr(HasKey, f"as_{connection.vendor}")
    first, second = picture("a"), picture("b", 2)
    assert found(Picture.objects.all(), first) == [(second.pk, 2)]


def test_search_costs_four_queries(sources, django_assert_num_queries):
    first = picture("a")
    picture("b", 1)
    # The estimated size of the table is cached.
    list(similar_rows(Picture.objects.all(), first))
    # The asset of the row, the search, the co-owners of what was found, and the rows.
    with django_assert_num_queries(4):
        list(similar_rows(Picture.objects.all(), first))


def test_package_is_importable_before_django_is_set_up():
    code = "import hashing; assert 'similar_rows' in hashing.__all__; import sys; assert 'django' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
