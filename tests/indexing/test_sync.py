from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hashing.indexing.registration import SyncCounts
from hashing.indexing.sync import SourceComparison, SourceSync
from hashing.models import CoOwner, ImageAsset
from hashing.sources import ImageSource, all_sources, find_sources
from samples.pictures import photo
from tests.site_models.models import Photo, Picture, Poster, Product, Scan

HASHES = {"perceptual_hash": "0f" * 8, "vertical_hash": "f0" * 8}


def sync(label="site_models.Picture", **options) -> SyncCounts:
    total = SyncCounts()
    for source in find_sources(label):
        total.add(SourceSync(source, "default", **options).run())
    return total


def names(**owner) -> list[str]:
    return list(ImageAsset.objects.filter(**owner).order_by("image").values_list("image", flat=True))


@pytest.fixture
def photographs(media):
    """Files of photos: a model with dimension fields opens them."""
    for name in ("a.jpg", "b.jpg"):
        photo(size=(160, 120)).save(media / name)


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr("hashing.indexing.sync.PAGE_SIZE", 2)


def test_existing_rows_get_assets(sources, small_pages):
    Picture.objects.bulk_create(Picture(image=f"{number}.jpg") for number in range(5))
    assert sync() == SyncCounts(added=5)
    assert names(source_type="site_models.Picture") == [f"{number}.jpg" for number in range(5)]


def test_second_run_finds_nothing_and_writes_nothing(sources, django_assert_max_num_queries):
    Picture.objects.bulk_create(Picture(image=f"{number}.jpg") for number in range(5))
    sync()
    with django_assert_max_num_queries(3):
        assert sync().total == 0


@pytest.mark.parametrize("label", ["site_models.Photo", "site_models.Product", "site_models.Scan"])
def test_keys_of_any_type(sources, archive, photographs, label):
    Photo.objects.bulk_create([Photo(original="a.jpg"), Photo(original="b.jpg", deleted=True), Photo()])
    Product.objects.bulk_create([Product(sku="é 1/2", front="a.jpg", back="b.jpg"), Product(sku="'", front="c.jpg")])
    Scan.objects.bulk_create([Scan(file="a.jpg")])
    expected = {"site_models.Photo": 2, "site_models.Product": 3, "site_models.Scan": 1}[label]
    assert sync(label).added == expected
    assert sync(label).total == 0
    for model in (Photo, Product, Scan):
        model._base_manager.all()._raw_delete("default")
    assert sync(label).removed == expected
    assert not ImageAsset.objects.exists()


def test_files_that_were_replaced_without_signals(sources):
    picture, other = Picture.objects.bulk_create([Picture(image="a.jpg"), Picture(image="b.jpg")])
    sync()
    ImageAsset.objects.update(**HASHES)
    Picture.objects.filter(pk=picture.pk).update(image="c.jpg")
    assert sync() == SyncCounts(replaced=1)
    assert names(perceptual_hash=None) == ["c.jpg"]
    assert names(source_id=str(other.pk), perceptual_hash__isnull=False) == ["b.jpg"]


def test_rows_that_swapped_their_files(sources, small_pages):
    first, second = Picture.objects.bulk_create([Picture(image="a.jpg"), Picture(image="b.jpg")])
    sync()
    Picture.objects.filter(pk=first.pk).update(image="b.jpg")
    Picture.objects.filter(pk=second.pk).update(image="a.jpg")
    assert sync() == SyncCounts(replaced=2)
    assert names(source_id=str(first.pk)) == ["b.jpg"]
    assert sync().total == 0


@pytest.mark.parametrize("page", [1, 2, 5000])
def test_rows_of_one_file_share_its_asset(sources, page, monkeypatch):
    monkeypatch.setattr("hashing.indexing.sync.PAGE_SIZE", page)
    Picture.objects.bulk_create(Picture(image=name) for name in ("a.jpg", "a.jpg", "a.jpg", "b.jpg"))
    assert sync() == SyncCounts(added=2, shared=2)
    assert names() == ["a.jpg", "b.jpg"]
    assert CoOwner.objects.count() == 2
    assert sync().total == 0


def test_last_remaining_owner_keeps_the_asset(sources):
    rows = Picture.objects.bulk_create([Picture(image="a.jpg") for _ in range(3)])
    sync()
    ImageAsset.objects.update(**HASHES)
    Picture.objects.filter(pk__in=[rows[0].pk, rows[1].pk])._raw_delete("default")
    assert sync().removed == 2
    asset = ImageAsset.objects.get()
    assert (asset.source_id, asset.perceptual_hash) == (str(rows[2].pk), "0f" * 8)
    assert not CoOwner.objects.exists()


def test_two_sources_of_one_storage_share_a_file(sources):
    Picture.objects.bulk_create([Picture(image="a.jpg")])
    Product.objects.bulk_create([Product(sku="A", front="a.jpg")])
    sync()
    assert sync("site_models.Product.front") == SyncCounts(shared=1)
    asset = ImageAsset.objects.get()
    assert list(ImageAsset.objects.of_sources(["site_models.product"])) == [asset]
    assert list(ImageAsset.objects.of_sources(["site_models.Picture.image"])) == [asset]


def test_asset_of_an_import_is_adopted(sources):
    ImageAsset.objects.bulk_create([ImageAsset(image="a.jpg", **HASHES)])
    Picture.objects.bulk_create([Picture(image="a.jpg")])
    assert sync() == SyncCounts(shared=1)
    assert names(source_type="site_models.Picture", perceptual_hash__isnull=False) == ["a.jpg"]


def test_dry_run_counts_and_writes_nothing(sources):
    Picture.objects.bulk_create([Picture(image="a.jpg"), Picture(image="b.jpg")])
    assert sync(dry_run=True) == SyncCounts(added=2)
    assert not ImageAsset.objects.exists()
    sync()
    Picture.objects.all()._raw_delete("default")
    assert sync(dry_run=True) == SyncCounts(removed=2)
    assert ImageAsset.objects.count() == 2


def test_stopped_run_continues_where_it_ended(sources, small_pages):
    Picture.objects.bulk_create(Picture(image=f"{number}.jpg") for number in range(5))
    assert sync(should_stop=lambda: True) == SyncCounts(added=2)
    assert sync() == SyncCounts(added=3)


def test_rows_that_do_not_take_part_have_no_assets(sources, photographs, register_source):
    @register_source("site_models.Photo.original")
    class Published(ImageSource):
        def rows(self):
            return Photo.objects.all()

    shown, hidden = Photo.objects.bulk_create([Photo(original="a.jpg"), Photo(original="b.jpg", deleted=True)])
    assert sync("site_models.Photo") == SyncCounts(added=1)
    assert names() == ["a.jpg"]
    Photo._base_manager.filter(pk=shown.pk).update(deleted=True)
    assert sync("site_models.Photo") == SyncCounts(removed=1)
    assert hidden.pk


def test_row_that_cannot_be_registered_does_not_affect_others(
    sources, archive, small_pages, caplog, monkeypatch, register_source
):
    monkeypatch.setattr("hashing.indexing.registration.MAX_NAME_LENGTH", 10)

    @register_source("site_models.Scan.file")
    class Failing(ImageSource):
        def storage(self, row):
            if row.file.name == "bad.jpg":
                raise KeyError("a mistake of the site's own")
            return self.field.storage

    Scan.objects.bulk_create(
        Scan(file=name) for name in ("a.jpg", "bad.jpg", "bad.jpg", "b.jpg", "too-long-a-name.jpg")
    )
    counts = sync("site_models.Scan")
    assert counts == SyncCounts(added=2, left_out=3)
    assert str(counts).endswith("3 left out")
    assert names() == ["a.jpg", "b.jpg"]
    assert "site_models.Scan.file" in caplog.text


def test_children_of_multi_table_inheritance(sources):
    sources("site_models.Poster.image")
    Picture.objects.create(image="picture.jpg")
    Poster.objects.create(image="poster.jpg")
    ImageAsset.objects.all().delete()
    assert sync("site_models.Poster") == SyncCounts(added=1)
    assert names() == ["poster.jpg"]
    assert sync("site_models.Poster").total == 0


def test_proxy_and_its_model_are_one_source(sources):
    sources("site_models.PictureProxy.image", "site_models.Picture.image")
    Picture.objects.bulk_create([Picture(image="a.jpg")])
    assert [source.label for source in all_sources()] == ["site_models.Picture.image"]
    assert sync() == SyncCounts(added=1)


def test_rows_in_another_database_are_compared_page_by_page(sources, small_pages, monkeypatch):
    monkeypatch.setattr(SourceComparison, "in_one_database", False)
    rows = Picture.objects.bulk_create(Picture(image=f"{number}.jpg") for number in range(5))
    assert sync() == SyncCounts(added=5)
    assert sync().total == 0
    Picture.objects.filter(pk=rows[0].pk).update(image="new.jpg")
    Picture.objects.filter(pk=rows[3].pk)._raw_delete("default")
    assert sync() == SyncCounts(replaced=1, removed=1)
    assert names() == ["1.jpg", "2.jpg", "4.jpg", "new.jpg"]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite plans no such join")
def test_rows_are_looked_up_without_a_join_also_before_there_are_statistics(sources):
    comparison = SourceComparison(find_sources("site_models.Picture")[0], "default")
    with CaptureQueriesContext(connection) as captured:
        assert [*comparison.files_out_of_step(), *comparison.ids_without_a_row()] == []
    with connection.cursor() as cursor:
        for query in captured.captured_queries[:]:
            cursor.execute(f"EXPLAIN SELECT {query['sql'].partition('SELECT ')[2]}")
            assert "Anti Join" not in str(cursor.fetchall())
    assert len(captured) == 3
