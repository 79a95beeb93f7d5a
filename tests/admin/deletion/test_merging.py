"""Marked duplicates that rows of the site own."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.files.storage import FileSystemStorage
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from hashing.admin.deletion import duplicate_deletion
from hashing.models import CoOwner, ImageAsset, PairDecision
from hashing.sources import ImageSource, register, unregister
from samples.pictures import photo
from tests.site_models.models import Comment, Order, Photo, Picture, Product, Scan

HASHES = {
    "perceptual_hash": "0f" * 8,
    "vertical_hash": "f0" * 8,
    "detail_hash": "0f" * 32,
    "hash_quality": 90,
    "hash_version": 1,
}
LIST = reverse("admin:hashing_markedduplicate_changelist")
Mark = Callable[[models.Model, models.Model], ImageAsset]


@pytest.fixture
def files(sources, media, archive):
    for folder in (media, archive):
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            photo(size=(160, 120)).save(folder / name)


@pytest.fixture
def mark(files) -> Mark:
    """Mark the image of a row as a duplicate of that of another."""

    def asset_of(row: models.Model, field: str = "") -> ImageAsset:
        return ImageAsset.objects.filter(
            source_id=str(row.pk), source_type=row._meta.label, source_field__contains=field
        )[0]

    def decide(keeper: models.Model, duplicate: models.Model, fields: tuple[str, str] = ("", "")) -> ImageAsset:
        ImageAsset.objects.update(**HASHES)
        kept, marked = asset_of(keeper, fields[0]), asset_of(duplicate, fields[1])
        lower, higher = sorted((kept, marked), key=lambda asset: asset.pk)
        PairDecision.objects.create(
            lower=lower,
            higher=higher,
            verdict="same",
            duplicate=marked,
            batch=uuid.uuid4(),
            lower_file=lower.image.name,
            higher_file=higher.image.name,
        )
        return marked

    return decide


def delete(client, *assets: ImageAsset, confirmed: bool = True) -> str:
    data = {"action": "delete_selected", "_selected_action": [asset.pk for asset in assets]}
    response = client.post(LIST, data | ({"post": "yes"} if confirmed else {}), follow=True, secure=True)
    return response.content.decode()


def photos(*names: str) -> list[Photo]:
    return [Photo.objects.create(original=name) for name in names]


@pytest.fixture
def member(client, db):
    """A user who may delete marked duplicates, and rows of some models."""

    def log_in(*more: str) -> None:
        user = get_user_model().objects.create_user("member", is_staff=True)
        names = ("view_imageasset", "view_markedduplicate", "delete_markedduplicate", "delete_imageasset", *more)
        user.user_permissions.set(Permission.objects.filter(codename__in=names))
        client.force_login(user)

    return log_in


def test_owner_is_deleted_with_the_image_and_the_file(admin_client, mark, media, django_capture_on_commit_callbacks):
    keeper, duplicate = photos("a.jpg", "b.jpg")
    marked = mark(keeper, duplicate)
    Comment.objects.create(photo=duplicate)
    page = delete(admin_client, marked, confirmed=False)
    assert "comments: 1" in page
    assert "photos: 1" in page
    assert "Files that stay" not in page
    with django_capture_on_commit_callbacks(execute=True):
        delete(admin_client, marked)
    assert list(Photo.objects.all()) == [keeper]
    assert ImageAsset.objects.count() == 1
    assert not Comment.objects.exists()
    assert sorted(path.name for path in media.glob("*.jpg")) == ["a.jpg", "c.jpg"]


def test_file_is_deleted_from_the_storage_of_its_row(
    admin_client, mark, media, archive, django_capture_on_commit_callbacks
):
    keeper, duplicate = Scan.objects.create(file="a.jpg"), Scan.objects.create(file="b.jpg")
    with django_capture_on_commit_callbacks(execute=True):
        delete(admin_client, mark(keeper, duplicate))
    assert not (archive / "b.jpg").exists()
    assert (media / "b.jpg").exists()


def test_protected_owner_stays_and_others_are_deleted(admin_client, mark):
    keeper, protected, other = photos("a.jpg", "b.jpg", "c.jpg")
    Order.objects.create(photo=protected)
    marked = [mark(keeper, protected), mark(keeper, other)]
    page = delete(admin_client, *marked, confirmed=False)
    assert "other rows need it: Order: Order object" in page.replace("&quot;", "")
    delete(admin_client, *marked)
    assert set(Photo.objects.all()) == {keeper, protected}


def test_permission_to_delete_the_owner_is_required(client, member, mark):
    keeper, duplicate = photos("a.jpg", "b.jpg")
    member()
    marked = mark(keeper, duplicate)
    assert "you do not have the permission to delete: photo" in delete(client, marked, confirmed=False)
    delete(client, marked)
    assert Photo.objects.count() == 2


def test_related_rows_without_an_admin_need_no_permission(client, member, mark):
    keeper, duplicate = photos("a.jpg", "b.jpg")
    member("delete_photo")
    delete(client, mark(keeper, duplicate))
    assert Photo.objects.get() == keeper


def test_owner_of_both_images_stays(admin_client, mark):
    product = Product.objects.create(sku="A", front="a.jpg", back="b.jpg")
    marked = mark(product, product, ("front", "back"))
    assert "has the image that is kept as well" in delete(admin_client, marked, confirmed=False)
    delete(admin_client, marked)
    assert Product.objects.exists()


def test_all_owners_of_a_file_are_deleted(admin_client, mark):
    keeper, first = Picture.objects.create(image="a.jpg"), Picture.objects.create(image="b.jpg")
    Picture.objects.create(image="b.jpg")
    delete(admin_client, mark(keeper, first))
    assert list(Picture.objects.all()) == [keeper]
    assert not CoOwner.objects.exists()


@pytest.fixture
def photo_source(files):
    def choose(source_class: type[ImageSource]) -> None:
        register("site_models.Photo.original")(source_class)

    yield choose
    unregister("site_models.Photo.original")


def test_source_can_merge_instead_of_deleting(
    admin_client, mark, photo_source, django_capture_on_commit_callbacks, media
):
    class Merge(ImageSource):
        def merge(self, keeper, duplicate, user):
            Order.objects.filter(photo=duplicate).update(photo=keeper)
            duplicate.original = ""
            duplicate.save()

    photo_source(Merge)
    keeper, duplicate = photos("a.jpg", "b.jpg")
    Order.objects.create(photo=duplicate)
    with django_capture_on_commit_callbacks(execute=True):
        delete(admin_client, mark(keeper, duplicate))
    assert Order.objects.get().photo == keeper
    assert not Photo.objects.get(pk=duplicate.pk).original
    assert not (media / "b.jpg").exists()


def test_image_stays_if_its_source_keeps_the_row(admin_client, mark, photo_source, media):
    class Keep(ImageSource):
        def merge(self, keeper, duplicate, user):
            pass

    photo_source(Keep)
    keeper, duplicate = photos("a.jpg", "b.jpg")
    delete(admin_client, mark(keeper, duplicate))
    assert ImageAsset.objects.count() == 2
    assert (media / "b.jpg").exists()


def test_merge_that_deletes_the_keeper_is_rolled_back(admin_client, mark, photo_source):
    class Both(ImageSource):
        def merge(self, keeper, duplicate, user):
            keeper.delete()
            duplicate.delete()

    photo_source(Both)
    keeper, duplicate = photos("a.jpg", "b.jpg")
    delete(admin_client, mark(keeper, duplicate))
    assert Photo.objects.count() == 2


def test_owned_image_is_not_deleted_in_the_list_of_images(admin_client, files):
    picture = Picture.objects.create(image="a.jpg")
    address = reverse("admin:hashing_imageasset_changelist")
    data = {"action": "delete_selected", "_selected_action": [ImageAsset.objects.get().pk]}
    assert "it belongs to a row of the site" in admin_client.post(address, data, secure=True).content.decode()
    admin_client.post(address, data | {"post": "yes"}, secure=True)
    assert ImageAsset.objects.get().source_id == str(picture.pk)


@pytest.mark.django_db(transaction=True)
def test_failure_of_a_source_for_one_row_does_not_stop_the_others(admin_client, mark, photo_source):
    class Failing(ImageSource):
        def merge(self, keeper, duplicate, user):
            if duplicate.original.name == "b.jpg":
                raise KeyError("a mistake of the site's own")
            duplicate.delete()

    photo_source(Failing)
    keeper, bad, good = photos("a.jpg", "b.jpg", "c.jpg")
    page = delete(admin_client, mark(keeper, bad), mark(keeper, good))
    assert set(Photo.objects.all()) == {keeper, bad}
    assert "deleting its row failed" in page


def test_file_is_kept_while_the_storage_of_another_row_is_unknown(
    admin_client, mark, media, django_capture_on_commit_callbacks
):
    """The other row may use the same file."""

    @register("site_models.Scan.file")
    class Failing(ImageSource):
        def storage(self, row):
            raise KeyError("a mistake of the site's own")

    try:
        keeper, duplicate = photos("a.jpg", "b.jpg")
        Scan.objects.bulk_create([Scan(file="b.jpg")])
        with django_capture_on_commit_callbacks(execute=True):
            delete(admin_client, mark(keeper, duplicate))
        assert not Photo.objects.filter(pk=duplicate.pk).exists()
        assert (media / "b.jpg").exists()
    finally:
        unregister("site_models.Scan.file")


def test_queries_do_not_grow_with_the_rows(admin_client, mark):
    def ask(count: int) -> int:
        names = [f"{count}-{number}.jpg" for number in range(count + 1)]
        keeper, *duplicates = (Picture.objects.create(image=name) for name in names)
        marked = [mark(keeper, duplicate) for duplicate in duplicates]
        with CaptureQueriesContext(connection) as captured:
            assert f"{count} image" in delete(admin_client, *marked, confirmed=False)
        return len(captured)

    assert ask(20) <= ask(2)


def test_equal_storages_are_accessed_once(admin_client, mark, media, monkeypatch, django_capture_on_commit_callbacks):
    @register("site_models.Photo.original")
    class Apart(ImageSource):
        def storage(self, row):
            return FileSystemStorage(location=media)

    asked: list[int] = []
    delete_unused = duplicate_deletion.delete_unused

    def count_and_delete(storage, names):
        asked.append(len(names))
        return delete_unused(storage, names)

    monkeypatch.setattr(duplicate_deletion, "delete_unused", count_and_delete)
    try:
        keeper, one, other = photos("a.jpg", "b.jpg", "c.jpg")
        marked = [mark(keeper, one), mark(keeper, other)]
        with django_capture_on_commit_callbacks(execute=True):
            delete(admin_client, *marked)
        assert asked == [2]
    finally:
        unregister("site_models.Photo.original")
