from __future__ import annotations

import subprocess
import sys

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import ImageOps
from rest_framework import serializers, viewsets
from rest_framework.permissions import DjangoModelPermissionsOrAnonReadOnly
from rest_framework.routers import SimpleRouter
from rest_framework.test import APIClient

from hashing.models import ImageAsset
from hashing.rest_framework import SimilarPictureValidator, SimilarRowsMixin
from samples.pictures import blank, encoded, photo
from tests.site_models.models import Photo, Product

MESSAGE = "The same picture seems to be here already."


class PhotoSerializer(serializers.ModelSerializer):
    original = serializers.ImageField(validators=[SimilarPictureValidator(Photo.objects.all())])

    class Meta:
        model = Photo
        fields = ["id", "title", "original"]


class PhotoViewSet(SimilarRowsMixin, viewsets.ModelViewSet):
    queryset = Photo.objects.order_by("created")
    serializer_class = PhotoSerializer
    permission_classes = [DjangoModelPermissionsOrAnonReadOnly]

    def filter_queryset(self, queryset):
        title = self.request.query_params.get("title")
        return queryset.filter(title=title) if title else queryset


router = SimpleRouter()
router.register("photos", PhotoViewSet)
urlpatterns = router.urls

pytestmark = pytest.mark.urls(__name__)


@pytest.fixture(autouse=True)
def plain_http(settings):
    settings.SECURE_SSL_REDIRECT = False


@pytest.fixture
def reader():
    return APIClient()


@pytest.fixture
def uploader(db):
    user = User.objects.create_user("uploader")
    user.user_permissions.set(Permission.objects.filter(codename__in=["add_photo", "change_photo"]))
    client = APIClient()
    client.force_authenticate(user)
    return client


def jpeg(seed=1, quality=90):
    return encoded(photo(seed=seed, size=(160, 120)), "JPEG", quality=quality)


def file(content=None, name="new.jpg"):
    return SimpleUploadedFile(name, jpeg(quality=80) if content is None else content)


def found(response):
    assert response.status_code == 200, response.json()
    return [(each["row"]["title"], each["distance"]) for each in response.json()]


def test_response_says_which_picture_has_a_frame(hashed_photo, reader):
    framed = encoded(ImageOps.expand(photo(size=(160, 120)), 30, "white"), "PNG")
    rows = [hashed_photo("plain"), hashed_photo("framed", framed)]
    responses = [reader.get("/photos/similar/", {"like": row.pk}).json() for row in rows]
    assert [[match["framing"] for match in response] for response in responses] == [["row"], ["query"]]


def test_rows_like_a_row(hashed_photo, reader):
    first = hashed_photo("first")
    hashed_photo("copy"), hashed_photo("other", jpeg(seed=2))
    assert found(reader.get("/photos/similar/", {"like": first.pk})) == [("copy", 0)]


def test_rows_like_a_picture(hashed_photo, uploader, media):
    hashed_photo("first"), hashed_photo("other", jpeg(seed=2))
    before = sorted(media.rglob("*"))
    [(title, distance)] = found(uploader.post("/photos/similar/", {"picture": file()}))
    assert title == "first"
    assert distance < 40
    assert sorted(media.rglob("*")) == before
    assert Photo.objects.count() == ImageAsset.objects.count() == 2


def test_permissions_of_the_view_apply(hashed_photo, reader):
    hashed_photo("first")
    assert reader.post("/photos/similar/", {"picture": file()}).status_code == 403


def test_object_permissions_apply(hashed_photo, reader, monkeypatch):
    first = hashed_photo("first")
    monkeypatch.setattr(
        DjangoModelPermissionsOrAnonReadOnly, "has_object_permission", lambda *_arguments: False, raising=False
    )
    assert reader.get("/photos/similar/", {"like": first.pk}).status_code == 403


def test_filters_of_the_view_apply(hashed_photo, reader):
    first = hashed_photo("first")
    hashed_photo("copy"), hashed_photo("secret")
    assert found(reader.get("/photos/similar/", {"like": first.pk, "title": "copy"})) == [("copy", 0)]


def test_hidden_row_cannot_be_searched_by(hashed_photo, reader):
    hidden = hashed_photo("hidden")
    Photo.objects.filter(pk=hidden.pk).update(deleted=True)
    hashed_photo("copy")
    assert reader.get("/photos/similar/", {"like": hidden.pk}).status_code == 404
    assert reader.get("/photos/similar/", {"like": "no key"}).status_code == 404


def test_response_is_limited(hashed_photo, reader):
    first, *_others = [hashed_photo(str(number)) for number in range(12)]
    assert len(found(reader.get("/photos/similar/", {"like": first.pk}))) == 10
    assert len(found(reader.get("/photos/similar/", {"like": first.pk, "limit": 11}))) == 11
    for options in ({"limit": 51}, {"limit": 0}, {"max_distance": 101}, {"max_distance": -1}):
        response = reader.get("/photos/similar/", {"like": first.pk, **options})
        assert response.status_code == 400
        assert response.json().keys() == {*options}


def test_distance_and_orientation_can_be_given(hashed_photo, uploader):
    hashed_photo("first")
    options = {"max_distance": 0, "any_orientation": "true"}
    assert found(uploader.post("/photos/similar/", {"picture": file(jpeg(seed=2)), **options})) == []
    turned = encoded(photo(size=(160, 120)).rotate(90, expand=True), "PNG")
    assert found(uploader.post("/photos/similar/", {"picture": file(turned)})) == []
    assert len(found(uploader.post("/photos/similar/", {"picture": file(turned), "any_orientation": "true"}))) == 1


def test_picture_that_cannot_be_used_is_an_error(hashed_photo, uploader, settings):
    response = uploader.post("/photos/similar/", {"picture": file(b"no picture")})
    assert response.status_code == 400
    assert response.json()["picture"][0].startswith("This file cannot be used as a picture: ")
    assert uploader.post("/photos/similar/", {"picture": "text"}).status_code == 400
    assert uploader.post("/photos/similar/").json() == {"picture": ["No file was submitted."]}
    assert uploader.get("/photos/similar/").json() == {"like": ["This field is required."]}
    settings.HASHING = {**settings.HASHING, "MAX_BYTES": 100}
    assert "more than MAX_BYTES (100)" in uploader.post("/photos/similar/", {"picture": file()}).json()["picture"][0]


def test_picture_that_is_here_is_refused(hashed_photo, uploader):
    hashed_photo("first")
    response = uploader.post("/photos/", {"title": "new", "original": file()})
    assert response.status_code == 400
    assert response.json() == {"original": [MESSAGE]}
    assert uploader.post("/photos/", {"title": "new", "original": file(jpeg(seed=2))}).status_code == 201


def test_picture_beyond_the_limits_of_a_page_is_accepted(hashed_photo, uploader, settings):
    hashed_photo("first")
    settings.HASHING = {**settings.HASHING, "PAGE_MAX_PIXELS": 100}
    assert uploader.post("/photos/", {"title": "new", "original": file()}).status_code == 201


def test_row_may_be_saved_with_its_own_picture(hashed_photo, uploader):
    first = hashed_photo("first")
    assert uploader.put(f"/photos/{first.pk}/", {"title": "new", "original": file()}).status_code == 200


def test_file_that_is_not_a_picture_is_left_to_the_field(hashed_photo):
    class ProductSerializer(serializers.Serializer):
        back = serializers.FileField(validators=[SimilarPictureValidator(Product.objects.all(), message="No.")])

    serializer = ProductSerializer(data={"back": file(b"%PDF-1.4", "a.pdf")})
    assert serializer.is_valid()


def test_validator_has_a_message_of_its_own(hashed_photo):
    page = encoded(blank(), "PNG")
    hashed_photo("page", page)

    class PageSerializer(serializers.Serializer):
        page = serializers.ImageField(validators=[SimilarPictureValidator(Photo.objects.all(), message="We have it.")])

    serializer = PageSerializer(data={"page": file(page, "page.png")})
    assert not serializer.is_valid()
    assert serializer.errors == {"page": ["We have it."]}
    assert serializer.errors["page"][0].code == "similar_picture"


def test_app_works_without_rest_framework():
    code = (
        "import sys; sys.modules['rest_framework'] = None\n"
        "import django; django.setup()\n"
        "import hashing.forms, hashing.admin, hashing.templatetags.hashing\n"
        "from hashing import similar_rows\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
