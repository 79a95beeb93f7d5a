from __future__ import annotations

import io
import json
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageOps

from hashing.admin.images.upload_choice import ImageUploadForm
from hashing.models import DuplicateGroup, ImageAsset, PairDecision
from samples.pictures import blank, encoded
from tests.admin.conftest import address, messages_of
from tests.admin.images.conftest import jpeg, keep_both, upload

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def here(superuser, media) -> ImageAsset:
    upload(superuser, jpeg())
    return ImageAsset.objects.get()


def replace(client, asset: ImageAsset, content: bytes, confirmed: str | None = None):
    confirmation = f"{asset.pk}-{asset.file_version}" if confirmed is None else confirmed
    data = {"image": SimpleUploadedFile("new.jpg", content), "confirm_replace": confirmation}
    return client.post(address("replace", asset.pk), data, follow=True)


def choice_of(response):
    return response.context["adminform"].form.choice


def smaller() -> bytes:
    return encoded(Image.open(io.BytesIO(jpeg())).resize((80, 60)), "PNG")


def test_picture_that_is_here_is_shown_beside_the_upload_and_not_saved(superuser, here):
    response = upload(superuser, smaller(), "copy.png")
    assert ImageAsset.objects.count() == 1
    # A question with buttons of its own, and no error.
    assert "Nothing is saved yet" in response.text
    assert "errornote" not in response.text
    assert 'name="_save"' not in response.text
    choice = choice_of(response)
    assert [card.asset for card in choice.images] == [here]
    assert "80\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}60" in choice.facts[0]  # noqa: RUF001
    assert "4× the pixels" in response.text  # noqa: RUF001
    assert "data:image/jpeg;base64," in response.text
    assert address("preview", here.pk, 640) in response.text


def test_other_pictures_are_saved_at_once(superuser, here):
    upload(superuser, jpeg(seed=5))
    assert ImageAsset.objects.count() == 2


def test_image_that_is_here_can_be_used(superuser, here):
    page = upload(superuser, jpeg(), "copy.jpg").text
    assert f'href="{address("change", here.pk)}">Use the one that is here' in page


def test_both_are_kept_on_request(superuser, here):
    response = keep_both(superuser, jpeg(), "copy.jpg")
    assert ImageAsset.objects.count() == 2
    [added] = messages_of(response)
    assert "was added successfully" in added


def test_error_comes_before_the_question(superuser, here, monkeypatch):
    clean = ImageUploadForm.clean
    monkeypatch.setattr(ImageUploadForm, "clean", lambda form: clean(form) and form.add_error(None, "Not today."))
    page = upload(superuser, jpeg(), "copy.jpg").text
    assert "Not today." in page
    assert "Nothing is saved yet" not in page
    assert 'name="_save"' in page


def test_keeping_both_is_about_the_file_that_was_shown(superuser, here):
    digest = choice_of(upload(superuser, jpeg(), "copy.jpg")).upload.file_digest
    data = {"image": SimpleUploadedFile("other.png", smaller()), "keep_both": digest}
    assert choice_of(superuser.post(address("add"), data))
    assert ImageAsset.objects.count() == 1


def test_keeping_both_does_what_the_save_button_did(superuser, here):
    data = {"image": SimpleUploadedFile("copy.jpg", jpeg()), "_addanother": "1"}
    assert '<input type="hidden" name="_addanother" value="1">' in superuser.post(address("add"), data).text


def test_framed_copy_is_found_and_named(superuser, here):
    framed = encoded(ImageOps.expand(Image.open(io.BytesIO(jpeg())), 40, "white"), "PNG")
    page = upload(superuser, framed, "framed.png")
    assert choice_of(page).images[0].label == ""
    assert page.text.count("the same picture without the frame") == 1


def test_turned_copy_is_found_and_named(superuser, here):
    turned = encoded(Image.open(io.BytesIO(jpeg())).transpose(Image.Transpose.ROTATE_90), "PNG")
    page = upload(superuser, turned, "turned.png")
    assert choice_of(page).images[0].label == "turned right"
    assert "turned right" in page.text


def test_blank_upload_is_told_that_it_is_left_out_of_the_search(superuser, here):
    messages = messages_of(upload(superuser, encoded(blank(size=(160, 120)), "PNG"), "a.png"))
    assert "too little structure" in messages[1]


def test_replaced_file_of_an_image_is_compared_with_the_others_only(superuser, here):
    upload(superuser, jpeg(seed=5), "other.jpg")
    other = ImageAsset.objects.latest("pk")
    same = superuser.post(address("change", other.pk), {"image": SimpleUploadedFile("o.png", smaller())})
    assert [card.asset for card in choice_of(same).images] == [here]
    own = superuser.post(address("change", here.pk), {"image": SimpleUploadedFile("o.png", smaller())}, follow=True)
    assert messages_of(own)
    here.refresh_from_db()
    assert (here.width, here.file_version) == (80, 1)


def test_file_is_replaced_by_the_upload(superuser, here):
    response = replace(superuser, here, smaller())
    assert response.redirect_chain[-1][0] == address("change", here.pk)
    here.refresh_from_db()
    assert (ImageAsset.objects.count(), here.width, here.file_format, here.file_version) == (1, 80, "PNG", 1)
    assert LogEntry.objects.first().change_message == "The file was replaced by an upload of the same image."


@pytest.mark.parametrize("confirmed", ["", "1-7", "x"])
def test_file_is_not_replaced_without_a_confirmation(superuser, here, confirmed):
    response = replace(superuser, here, smaller(), confirmed)
    assert "Please confirm" in response.text
    here.refresh_from_db()
    assert here.file_version == 0


def test_page_that_asks_again_has_all_that_is_needed(superuser, here):
    page = superuser.post(address("replace", here.pk))
    assert "Please confirm" in page.text
    assert 'type="file"' in page.text
    assert f'value="{page.context["form"].confirmation}"' in page.text


def test_file_that_a_row_of_the_site_owns_is_not_replaced(superuser, here):
    ImageAsset.objects.update(source_type="blog.photo", source_id="1", source_field="original")
    assert not choice_of(upload(superuser, jpeg(), "copy.jpg")).images[0].may_replace
    assert replace(superuser, here, smaller()).status_code == 403


def test_replacing_needs_the_permission_to_change(client_of, here):
    client = client_of("viewer")
    User.objects.get(username="viewer").user_permissions.add(Permission.objects.get(codename="add_imageasset"))
    assert not choice_of(upload(client, jpeg(), "copy.jpg")).images[0].may_replace
    assert replace(client, here, smaller()).status_code == 403
    assert client.get(address("replace", here.pk)).status_code == 405


def test_uploader_who_may_not_see_images_is_not_asked(client_of, here):
    client = client_of("staff")
    User.objects.get(username="staff").user_permissions.add(Permission.objects.get(codename="add_imageasset"))
    upload(client, jpeg(), "copy.jpg")
    assert ImageAsset.objects.count() == 2


def test_file_beyond_the_limits_of_a_page_is_saved_without_a_question(superuser, here, settings):
    settings.HASHING = {"PAGE_MAX_PIXELS": 10}
    upload(superuser, jpeg(), "copy.jpg")
    assert ImageAsset.objects.count() == 2


def in_popup(client, name: str, *arguments: object, **data: object):
    image = SimpleUploadedFile("new.png", smaller())
    return client.post(address(name, *arguments), {"image": image, "_popup": "1", **data})


def chosen(response) -> dict[str, str]:
    """Return what a popup tells the form behind it."""
    return json.loads(response.context["popup_response_data"])


def test_popup_ends_with_the_image_that_is_here(superuser, here):
    page = in_popup(superuser, "add").text
    assert f'formaction="{address("use", here.pk)}"' in page
    assert f'formaction="{address("replace", here.pk)}"' in page
    assert chosen(in_popup(superuser, "use", here.pk))["value"] == str(here.pk)
    assert ImageAsset.objects.count() == 1


def test_popup_ends_with_the_image_whose_file_was_replaced(superuser, here):
    again = in_popup(superuser, "replace", here.pk)
    assert '<input type="hidden" name="_popup" value="1">' in again.text
    confirmation = again.context["form"].confirmation
    assert chosen(in_popup(superuser, "replace", here.pk, confirm_replace=confirmation))["value"] == str(here.pk)
    here.refresh_from_db()
    assert here.width == 80


def test_popup_with_the_form_of_an_image_is_about_that_image(superuser, here):
    upload(superuser, jpeg(seed=5), "other.jpg")
    page = in_popup(superuser, "change", ImageAsset.objects.latest("pk").pk).text
    assert "Nothing is saved yet" in page
    assert "formaction" not in page


def test_popup_may_not_ask_for_the_value_of_any_field(superuser, here):
    response = in_popup(superuser, "use", here.pk, _to_field="file_digest")
    assert response.status_code == 400


def test_using_an_image_needs_the_permission_to_see_it(client_of, here):
    assert in_popup(client_of("staff"), "use", here.pk).status_code == 403
    assert in_popup(client_of("viewer"), "use", here.pk + 1).status_code == 404
    assert client_of("editor").get(address("use", here.pk)).status_code == 405


def test_upload_without_scripts_is_confirmed_with_the_file_chosen_again(superuser, here):
    """Browsers empty the field, and the page needs nothing but its form."""
    page = upload(superuser, smaller(), "copy.png").text
    assert "choose it again" in page
    assert '<noscript><img class="hashing-preview' in page
    [digest] = re.findall(r'name="keep_both" value="(\w+)"', page)
    forgotten = superuser.post(address("add"), {"keep_both": digest})
    assert "This field is required." in forgotten.text
    image = SimpleUploadedFile("copy.png", smaller())
    superuser.post(address("add"), {"image": image, "keep_both": digest})
    assert ImageAsset.objects.count() == 2


def answer_keep_both(client, **changed):
    """Upload a copy, and press "Keep both" in the question that follows."""
    page = upload(client, jpeg(), "copy.jpg").text
    fields = dict(re.findall(r'name="(keep_both|shown_image)" value="(\w+)"', page))
    data = {"image": SimpleUploadedFile("copy.jpg", jpeg()), **fields, **changed}
    return client.post(address("add"), data, follow=True)


def test_images_that_are_both_kept_belong_together_and_are_not_reviewed(superuser, here):
    response = answer_keep_both(superuser)
    copy = ImageAsset.objects.latest("pk")
    decision = PairDecision.objects.in_force().get()
    assert (decision.lower_id, decision.higher_id) == (here.pk, copy.pk)
    assert (decision.verdict, decision.decided_by.username) == (PairDecision.Verdict.RELATED, "superuser")
    assert not DuplicateGroup.objects.exists()
    assert any("belong together: both stay" in message for message in messages_of(response))
    for image in (here, copy):
        assert LogEntry.objects.filter(object_id=image.pk, change_message__contains="belong together").exists()


def test_image_that_the_question_has_not_shown_is_left_to_the_review(superuser, here):
    answer_keep_both(superuser, shown_image="")
    assert not PairDecision.objects.exists()
    assert DuplicateGroup.objects.get().size == 2


@pytest.mark.parametrize("may_decide", [False, True])
def test_keeping_both_decides_only_where_the_user_may_decide(client_of, here, may_decide):
    client = client_of("viewer")
    codenames = ["add_imageasset", "view_imageasset", *(["change_duplicategroup"] if may_decide else [])]
    User.objects.get(username="viewer").user_permissions.set(Permission.objects.filter(codename__in=codenames))
    answer_keep_both(client)
    assert ImageAsset.objects.count() == 2
    assert PairDecision.objects.exists() == may_decide
