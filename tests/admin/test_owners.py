from __future__ import annotations

import pytest
from django.urls import reverse

from hashing.indexing.sync import sync_sources
from hashing.models import DuplicateGroup, GroupMember, ImageAsset
from samples.pictures import photo
from tests.site_models.models import Picture, Scan


@pytest.fixture
def pictures(sources, media, archive):
    """Rows of two sources in two storages, with different files of one name."""
    photo(seed=1, size=(160, 120)).save(media / "a.jpg")
    photo(seed=2, size=(200, 100)).save(archive / "a.jpg")
    Picture.objects.bulk_create([Picture(image="a.jpg")])
    Scan.objects.bulk_create([Scan(file="a.jpg")])


def test_card_names_the_row_that_owns_the_image(pictures, admin_client):
    sync_sources()
    ImageAsset.objects.update(
        perceptual_hash="0f" * 8, vertical_hash="f0" * 8, detail_hash="0f" * 32, hash_quality=90, hash_version=1
    )
    asset = ImageAsset.objects.get(source_field="image")
    page = admin_client.get(reverse("admin:hashing_imageasset_find_similar", args=[asset.pk]), secure=True)
    assert "Picture object" in page.text
    assert "Scan object" in page.text


def test_card_of_a_group_says_by_what_an_image_is_used(pictures, admin_client):
    sync_sources()
    keeper, other = ImageAsset.objects.order_by("pk")
    group = DuplicateGroup.objects.create(keeper=keeper, size=2, open_count=1, max_distance=0)
    for position, asset in enumerate((keeper, other)):
        GroupMember.objects.create(group=group, asset=asset, position=position, distance=0)
    page = admin_client.get(reverse("admin:hashing_duplicategroup_changelist"), secure=True)
    for asset, model in ((keeper, Picture), (other, Scan)):
        assert f"used by {model._meta.verbose_name.capitalize()} {model.objects.get(pk=asset.source_id)}" in page.text


def test_card_shows_the_key_of_a_row_whose_str_fails(pictures, admin_client, monkeypatch):
    sync_sources()

    def fail(_row: Picture) -> str:
        raise KeyError("a mistake of the site's own")

    monkeypatch.setattr(Picture, "__str__", fail)
    asset = ImageAsset.objects.get(source_field="image")
    page = admin_client.get(reverse("admin:hashing_imageasset_find_similar", args=[asset.pk]), secure=True)
    assert f">{asset.source_id}<" in page.text


def test_card_shows_only_the_model_without_permission_for_the_row(pictures, client, django_user_model):
    from django.contrib.auth.models import Permission

    sync_sources()
    user = django_user_model.objects.create_user("editor", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_imageasset", "change_imageasset"]))
    client.force_login(user)
    asset = ImageAsset.objects.get(source_field="image")
    page = client.get(reverse("admin:hashing_imageasset_change", args=[asset.pk]), secure=True).text
    assert "Picture" in page
    assert "Picture object" not in page


def test_form_of_an_owned_image_has_no_file_field(pictures, admin_client):
    sync_sources()
    asset = ImageAsset.objects.get(source_field="image")
    page = admin_client.get(reverse("admin:hashing_imageasset_change", args=[asset.pk]), secure=True).text
    assert 'type="file"' not in page


def test_list_is_filtered_by_source(pictures, admin_client):
    sync_sources()
    ImageAsset.objects.bulk_create([ImageAsset(image="own.jpg")])
    address = reverse("admin:hashing_imageasset_changelist")
    for value, expected in (("site_models.Scan.file", "file"), ("none", None)):
        page = admin_client.get(address, {"source": value}, secure=True)
        assert [asset.source_field for asset in page.context["cl"].result_list] == [expected]
