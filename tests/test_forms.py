from __future__ import annotations

from pathlib import Path

import pytest
from django import forms
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageOps

from hashing.forms import SimilarPictureAction, SimilarPictureMixin
from hashing.sources import ImageSource, UnknownSource
from samples.pictures import blank, encoded, photo
from tests.site_models.models import Photo, Picture, Product

pytestmark = pytest.mark.any_database

MESSAGE = "The same picture seems to be here already."


class PhotoForm(SimilarPictureMixin, forms.ModelForm):
    class Meta:
        model = Photo
        fields = ["title", "original"]


class ConfirmForm(PhotoForm):
    similar_picture_action = SimilarPictureAction.CONFIRM


class RefuseForm(PhotoForm):
    similar_picture_action = SimilarPictureAction.REFUSE


def jpeg(seed=1, quality=90):
    return encoded(photo(seed=seed, size=(160, 120)), "JPEG", quality=quality)


@pytest.fixture
def links(register_source):
    """A site whose photos have pages of their own."""

    @register_source("site_models.Photo.original")
    class PhotoSource(ImageSource):
        def url(self, row):
            return f"/photos/?title={row.title}"


def submitted(form_class, content=None, name="new.jpg", user=None, instance=None, **data):
    file = SimpleUploadedFile(name, jpeg(quality=80) if content is None else content)
    form = form_class({"title": "new", **data}, {"original": file}, user=user, instance=instance)
    form.full_clean()
    return form


def viewer(*codenames):
    user = User.objects.create_user("viewer")
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def test_picture_that_is_here_is_a_warning(hashed_photo):
    here = hashed_photo()
    form = submitted(PhotoForm)
    assert form.is_valid()
    [similar] = form.similar_pictures
    assert (similar.row, similar.url, similar.text) == (here, "", "")
    assert form.similar_picture_message == MESSAGE
    row = form.save()
    assert Path(row.original.path).read_bytes() == jpeg(quality=80)


def test_other_picture_is_not_a_warning(hashed_photo):
    hashed_photo()
    form = submitted(PhotoForm, jpeg(seed=2))
    assert form.is_valid()
    assert form.similar_pictures == []
    assert form.similar_picture_message == ""


def test_link_is_for_those_who_may_see_the_row(hashed_photo, links):
    hashed_photo("Sea")
    assert submitted(PhotoForm, user=AnonymousUser()).similar_picture_message == MESSAGE
    user = viewer("view_photo")
    message = submitted(PhotoForm, user=user).similar_picture_message
    assert message.startswith('The same picture seems to be here already: <a href="/photos/?title=Sea">Photo object (')
    user = User.objects.get(pk=user.pk)
    user.user_permissions.clear()
    assert submitted(PhotoForm, user=user).similar_picture_message == MESSAGE


def test_link_leads_to_the_admin_by_default(hashed_photo, settings, monkeypatch):
    here = hashed_photo()
    monkeypatch.setattr("hashing.sources.source.reverse", lambda name, args, current_app: f"/{name}/{args[0]}/")
    [similar] = submitted(PhotoForm, user=viewer("view_photo")).similar_pictures
    assert similar.url == f"/admin:site_models_photo_change/{here.pk}/"


def test_message_says_that_a_picture_has_a_frame(hashed_photo, links):
    hashed_photo("Sea")
    framed = encoded(ImageOps.expand(photo(size=(160, 120)), 30, "white"), "PNG")
    form = submitted(PhotoForm, framed)
    assert form.similar_picture_message == "The same picture seems to be here already (without the frame)."
    assert form.unstructured_picture_fields == []


def test_message_says_how_a_picture_is_turned(hashed_photo, links):
    class AnyForm(PhotoForm):
        similar_picture_any_orientation = True

    hashed_photo("Sea")
    turned = encoded(photo(size=(160, 120)).transpose(Image.Transpose.ROTATE_90), "PNG")
    assert submitted(PhotoForm, turned).similar_picture_message == ""
    form = submitted(AnyForm, turned)
    assert form.similar_picture_message == "The same picture seems to be here already (turned right)."
    assert form.similar_pictures[0].label == "turned right"
    message = submitted(AnyForm, turned, user=viewer("view_photo")).similar_picture_message
    assert message.endswith("</a> (turned right)")


def test_text_of_users_is_escaped(hashed_photo, links, monkeypatch):
    hashed_photo('"><script>')
    monkeypatch.setattr(Photo, "__str__", lambda self: "<b>bold</b>" * 20)
    form = submitted(RefuseForm, user=viewer("view_photo"))
    page = form.as_p()
    assert 'href="/photos/?title=&quot;&gt;&lt;script&gt;"' in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<script>" not in page
    assert "<b>" not in page
    assert len(form.similar_pictures[0].text) == 80


def test_failing_link_does_not_prevent_the_upload(hashed_photo, monkeypatch, caplog):
    hashed_photo()

    def fail(self, row):
        raise RuntimeError("no page")

    monkeypatch.setattr(ImageSource, "url", fail)
    form = submitted(PhotoForm, user=viewer("view_photo"))
    assert form.is_valid()
    assert form.similar_picture_message == MESSAGE
    assert "no page" in caplog.text


def test_picture_that_is_here_is_refused(hashed_photo):
    hashed_photo()
    form = submitted(RefuseForm)
    assert form.errors == {"original": [MESSAGE]}
    assert form.has_error("original", "similar_picture")


def test_picture_that_is_here_needs_confirmation(hashed_photo):
    hashed_photo()
    empty = ConfirmForm()
    assert empty["confirm_similar_picture"].is_hidden
    form = submitted(ConfirmForm)
    assert form.errors == {"original": [MESSAGE]}
    assert "Upload it anyway" in form.as_p()
    assert not form["confirm_similar_picture"].is_hidden
    again = submitted(ConfirmForm, confirm_similar_picture="on")
    assert again.is_valid()
    assert len(again.similar_pictures) == 1


def test_other_picture_needs_no_confirmation(hashed_photo):
    hashed_photo()
    form = submitted(ConfirmForm, jpeg(seed=2), confirm_similar_picture="")
    assert form.is_valid()
    assert form["confirm_similar_picture"].is_hidden


def test_row_itself_is_not_found(hashed_photo):
    here = hashed_photo()
    assert submitted(PhotoForm, instance=here).similar_pictures == []
    assert PhotoForm({"title": "other"}, instance=here).is_valid()


def test_unchanged_file_is_not_searched(hashed_photo, monkeypatch):
    here = hashed_photo()
    monkeypatch.setattr("hashing.forms.hash_uploaded_picture", lambda upload: pytest.fail("a file was decoded"))
    form = PhotoForm({"title": "other"}, {}, instance=here)
    assert form.is_valid()


def test_equal_file_of_low_quality_is_found(hashed_photo):
    page = encoded(blank(), "PNG")
    here = hashed_photo(content=page)
    assert [each.row for each in submitted(PhotoForm, page, "page.png").similar_pictures] == [here]
    assert submitted(PhotoForm, encoded(blank(level=254), "PNG"), "page.png").similar_pictures == []


@pytest.mark.parametrize("form_class", [PhotoForm, ConfirmForm, RefuseForm])
def test_picture_beyond_the_limits_of_a_page_passes_with_a_message(hashed_photo, settings, form_class):
    hashed_photo()
    settings.HASHING = {**settings.HASHING, "PAGE_MAX_PIXELS": 100}
    form = submitted(form_class)
    assert form.is_valid()
    assert form.unsearched_picture_fields == ["original"]
    assert form.similar_picture_message == "A picture is too large to be compared with others while you wait."


@pytest.mark.parametrize("limit", [{"MAX_BYTES": 100}, {"MAX_PIXELS": 100}])
def test_file_beyond_the_limits_of_the_site_is_not_decoded(hashed_photo, settings, limit):
    hashed_photo()
    settings.HASHING = {**settings.HASHING, **limit}
    form = submitted(RefuseForm)
    assert form.is_valid()
    assert form.similar_pictures == []


def test_file_that_is_not_a_picture_is_left_to_other_validators(sources):
    class ProductForm(SimilarPictureMixin, forms.ModelForm):
        class Meta:
            model = Product
            fields = ["sku", "back"]

    form = ProductForm({"sku": "A"}, {"back": SimpleUploadedFile("a.pdf", b"%PDF-1.4")})
    assert form.is_valid()
    assert form.similar_pictures == []
    assert form.cleaned_data["back"].read() == b"%PDF-1.4"


def test_queryset_of_the_form_is_searched(hashed_photo):
    hashed_photo("secret")
    shown = hashed_photo("public")

    class PublicForm(PhotoForm):
        def get_similar_queryset(self):
            return Photo.objects.filter(title="public")

    assert [each.row for each in submitted(PublicForm).similar_pictures] == [shown]


def test_form_without_a_model_names_its_field(hashed_photo):
    here = hashed_photo()

    class SearchForm(SimilarPictureMixin, forms.Form):
        similar_picture_fields = ["picture"]
        picture = forms.ImageField()

        def get_similar_queryset(self):
            return Photo.objects.all()

    form = SearchForm({}, {"picture": SimpleUploadedFile("a.jpg", jpeg())})
    assert form.is_valid()
    assert [each.row for each in form.similar_pictures] == [here]


def test_only_some_of_many_rows_are_named(hashed_photo, links):
    for _ in range(7):
        hashed_photo("Sea")
    message = submitted(PhotoForm, user=viewer("view_photo")).similar_picture_message
    assert message.count("<a ") == 5
    assert message.endswith("and more")


def test_rows_that_several_fields_have_found_are_named_once_the_nearest_first(hashed_photo, links):
    class TwoPicturesForm(PhotoForm):
        back = forms.ImageField()
        similar_picture_fields = ("original", "back")

    hashed_photo("Smaller", encoded(photo(size=(160, 120)).resize((80, 60)), "JPEG"))
    hashed_photo("Equal")
    files = {
        "original": SimpleUploadedFile("front.jpg", encoded(photo(size=(160, 120)).resize((80, 60)), "PNG")),
        "back": SimpleUploadedFile("back.jpg", encoded(photo(size=(160, 120)), "JPEG")),
    }
    form = TwoPicturesForm({"title": "new"}, files, user=viewer("view_photo"))
    assert form.is_valid()
    assert sorted(each.row.title for each in form.similar_pictures) == ["Equal", "Smaller"]
    assert [each.distance for each in form.similar_pictures] == sorted(each.distance for each in form.similar_pictures)
    assert form.similar_picture_message.count("<a ") == 2


def test_form_of_a_model_that_is_not_a_source_is_refused(hashed_photo):
    class PictureForm(SimilarPictureMixin, forms.ModelForm):
        similar_picture_fields = ["image"]

        class Meta:
            model = Picture
            fields = ["image"]

    form = PictureForm({}, {"image": SimpleUploadedFile("a.jpg", jpeg())})
    with pytest.raises(UnknownSource):
        form.full_clean()


def test_picture_with_too_little_structure_passes_with_a_message(hashed_photo):
    hashed_photo()
    form = submitted(PhotoForm, encoded(blank(size=(160, 120)), "PNG"), "blank.png")
    assert form.is_valid()
    assert form.unstructured_picture_fields == ["original"]
    message = "A picture has too little structure to be compared: only equal files are found."
    assert form.similar_picture_message == message
