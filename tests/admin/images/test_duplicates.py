from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from hashing.admin.images import duplicates
from hashing.models import DuplicateGroup, PairDecision
from tests.admin.conftest import address
from tests.grouping.conftest import add_hashed, group_all  # noqa: F401


@pytest.fixture
def three_groups(add_hashed, group_all):  # noqa: F811
    rows = [add_hashed(picture) for picture in (0, 0, 0, 1, 1, 2, 2, 3)]
    group_all()
    DuplicateGroup.objects.filter(keeper=rows[5].pk).update(open_count=0)
    return rows


def test_list_links_to_the_open_groups(superuser, three_groups, monkeypatch):
    page = superuser.get(address("changelist")).text
    assert "2 groups of duplicates to review" in page
    assert reverse("admin:hashing_duplicategroup_changelist") in page
    monkeypatch.setattr(duplicates, "MAX_COUNTED", 1)
    assert "over 1 group of duplicates to review" in superuser.get(address("changelist")).text


def test_form_links_to_the_group_of_the_image(superuser, three_groups):
    page = superuser.get(address("change", three_groups[1].pk)).text
    group_page = reverse("admin:hashing_duplicategroup_of", args=(three_groups[1].pk,))
    assert f'<a href="{group_page}">2 other images seem to be the same</a>' in page
    assert superuser.get(group_page, follow=True).status_code == 200
    assert "seem" not in superuser.get(address("change", three_groups[-1].pk)).text


def test_groups_are_linked_only_for_users_who_may_see_them(editor, three_groups):
    assert "to review" not in editor.get(address("changelist")).text
    assert "seem to be" not in editor.get(address("change", three_groups[1].pk)).text
    User.objects.get().user_permissions.add(Permission.objects.get(codename="view_duplicategroup"))
    assert "to review" in editor.get(address("changelist")).text


def test_form_links_to_the_images_that_belong_together_with_it(superuser, rows):
    lower, higher = sorted((rows["hashed"], rows["waiting"]), key=lambda asset: asset.pk)
    files = {"lower_file": lower.image.name, "higher_file": higher.image.name, "batch": "0" * 32}
    decision = PairDecision.objects.create(lower=lower, higher=higher, verdict="related", **files)
    for asset, other in ((lower, higher), (higher, lower)):
        page = superuser.get(address("change", asset.pk)).text
        assert f'<a href="{address("change", other.pk)}"><bdi>{other}</bdi></a>' in page
    decision.delete()
    assert str(higher) not in superuser.get(address("change", lower.pk)).text


def test_images_that_belong_together_are_named_for_users_who_may_see_groups(editor, rows):
    lower, higher = sorted((rows["hashed"], rows["waiting"]), key=lambda asset: asset.pk)
    files = {"lower_file": lower.image.name, "higher_file": higher.image.name, "batch": "0" * 32}
    PairDecision.objects.create(lower=lower, higher=higher, verdict="related", **files)
    assert str(higher) not in editor.get(address("change", lower.pk)).text
