from __future__ import annotations

import uuid

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db import transaction

from hashing.models import CoOwner, ImageAsset, PairDecision
from samples.pictures import encoded, photo
from tests.site_models.models import Photo, Picture, PictureProxy, Poster, Product, Scan

HASHES = {"perceptual_hash": "0f" * 8, "vertical_hash": "f0" * 8}


def jpeg():
    return encoded(photo(size=(160, 120)), "JPEG")


def upload(name="a.jpg", content=b"content"):
    return ContentFile(content, name)


def assets():
    return [
        (asset.source_type.partition(".")[2], asset.source_id, asset.source_field, asset.image.name)
        for asset in ImageAsset.objects.order_by("pk")
    ]


def test_row_of_a_source_has_an_asset(sources):
    row = Photo.objects.create(title="Sea", original=upload(content=jpeg()))
    assert assets() == [("Photo", str(row.pk), "original", "albums/sea/a.jpg")]
    asset = ImageAsset.objects.get()
    assert asset.created_at == row.created
    assert asset.perceptual_hash is None


def test_fields_of_one_model_have_an_asset_each(sources):
    Product.objects.create(sku="A 1/2", front=upload("front.jpg"), back=upload("back.jpg"))
    Product.objects.create(sku="B", front=upload("other.jpg"))
    assert assets() == [
        ("Product", "A 1/2", "front", "products/front.jpg"),
        ("Product", "A 1/2", "back", "products/back.jpg"),
        ("Product", "B", "front", "products/other.jpg"),
    ]


def test_row_that_is_hidden_takes_part(sources):
    Photo.objects.create(original=upload(content=jpeg()), deleted=True)
    assert len(assets()) == 1


def test_saving_an_unchanged_row_costs_one_query(sources, django_assert_num_queries):
    picture = Picture.objects.create(image=upload())
    with django_assert_num_queries(2):
        picture.save()


def test_new_row_costs_one_query(sources, django_assert_num_queries):
    with django_assert_num_queries(2):
        Picture.objects.create(image=upload())


def test_saving_other_fields_costs_nothing(sources, django_assert_num_queries):
    row = Photo.objects.create(original=upload(content=jpeg()))
    with django_assert_num_queries(1):
        row.save(update_fields=["title"])
    with django_assert_num_queries(2):
        Photo.objects.defer("original").get(pk=row.pk).save()


def test_no_file_is_opened(sources, monkeypatch):
    def refuse(*_arguments, **_keywords):
        pytest.fail("a file was opened")

    picture = Picture(image="pictures/there.jpg")
    monkeypatch.setattr("django.core.files.storage.FileSystemStorage._open", refuse)
    picture.save()
    picture.image = "pictures/other.jpg"
    picture.save()
    assert assets() == [("Picture", str(picture.pk), "image", "pictures/other.jpg")]


def test_new_file_clears_the_hash_and_ends_the_decisions(sources):
    first, second = (Picture.objects.create(image=upload(name)) for name in ("a.jpg", "b.jpg"))
    ImageAsset.objects.update(**HASHES)
    lower, higher = ImageAsset.objects.order_by("pk")
    PairDecision.objects.create(
        lower=lower,
        higher=higher,
        verdict=PairDecision.Verdict.SAME,
        duplicate=higher,
        batch=uuid.uuid4(),
        lower_file=lower.image.name,
        higher_file=higher.image.name,
    )
    first.image = upload("c.jpg")
    first.save()
    lower.refresh_from_db()
    assert (lower.image.name, lower.perceptual_hash) == ("pictures/c.jpg", None)
    assert PairDecision.objects.get().lower_file == ""
    assert second.pk


def test_overwritten_file_clears_the_hash(sources, monkeypatch):
    monkeypatch.setattr(Picture._meta.get_field("image"), "storage", FileSystemStorage(allow_overwrite=True))
    picture = Picture.objects.create(image=upload("a.jpg"))
    ImageAsset.objects.update(**HASHES)
    picture.image = upload("a.jpg", b"other")
    picture.save()
    assert ImageAsset.objects.get().perceptual_hash is None


def test_asset_of_a_deleted_row_is_deleted(sources, media):
    picture = Picture.objects.create(image=upload())
    picture.delete()
    assert assets() == []
    assert (media / "pictures/a.jpg").exists()


def test_row_without_a_file_loses_its_asset(sources):
    row = Photo.objects.create(original=upload(content=jpeg()))
    row.original = ""
    row.save()
    assert assets() == []


def test_rolled_back_row_leaves_nothing(sources):
    with transaction.atomic():
        Picture.objects.create(image=upload())
        transaction.set_rollback(True)
    assert assets() == []


def test_row_of_a_fixture_is_left_to_the_next_run(sources):
    Picture(image="a.jpg", pk=3).save_base(raw=True)
    assert assets() == []


def test_two_owners_of_one_file_share_its_asset(sources):
    first = Picture.objects.create(image="pictures/a.jpg")
    second = Picture.objects.create(image="pictures/a.jpg")
    assert assets() == [("Picture", str(first.pk), "image", "pictures/a.jpg")]
    assert CoOwner.objects.get().source_id == str(second.pk)
    first.delete()
    assert assets() == [("Picture", str(second.pk), "image", "pictures/a.jpg")]
    assert not CoOwner.objects.exists()
    second.delete()
    assert assets() == []


def test_co_owner_with_a_new_file_gets_its_own_asset(sources):
    first = Picture.objects.create(image="a.jpg")
    second = Picture.objects.create(image="a.jpg")
    second.image = "b.jpg"
    second.save()
    assert [(pk, name) for _, pk, _, name in assets()] == [(str(first.pk), "a.jpg"), (str(second.pk), "b.jpg")]
    assert not CoOwner.objects.exists()


def test_same_name_in_another_storage_is_another_file(sources, archive):
    Picture.objects.create(image="a.jpg")
    Scan.objects.create(file="a.jpg")
    assert [name for *_, name in assets()] == ["a.jpg", "a.jpg"]


def test_asset_without_an_owner_is_adopted_with_its_hash(sources):
    asset = ImageAsset.objects.create(image="a.jpg", **HASHES)
    picture = Picture.objects.create(image="a.jpg")
    asset.refresh_from_db()
    assert (asset.source_id, asset.perceptual_hash) == (str(picture.pk), "0f" * 8)
    assert ImageAsset.objects.count() == 1


def test_rows_of_proxies_and_children_have_assets(sources):
    proxied = PictureProxy.objects.create(image=upload("proxy.jpg"))
    child = Poster.objects.create(image=upload("child.jpg"))
    assert [(pk, name) for _, pk, _, name in assets()] == [
        (str(proxied.pk), "pictures/proxy.jpg"),
        (str(child.pk), "pictures/child.jpg"),
    ]
    Poster.objects.get().delete()
    assert len(assets()) == 1


def test_source_of_a_child_follows_its_parent(sources):
    sources("site_models.Poster.image")
    Picture.objects.create(image="picture.jpg")
    poster = Poster.objects.create(image="a.jpg")
    parent = Picture.objects.get(pk=poster.pk)
    parent.image = "b.jpg"
    parent.save()
    assert assets() == [("Poster", str(poster.pk), "image", "b.jpg")]


def test_new_row_is_hashed_as_an_upload_is(sources, django_capture_on_commit_callbacks):
    sources("site_models.Picture.image", ON_UPLOAD="inline")
    with django_capture_on_commit_callbacks(execute=True):
        Picture.objects.create(image=upload(content=jpeg()))
    assert ImageAsset.objects.get().perceptual_hash
