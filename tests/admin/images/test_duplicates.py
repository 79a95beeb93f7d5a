from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from hashing.admin.images import duplicates
from hashing.models import DuplicateGroup
from tests.admin.conftest import address
from tests.grouping.conftest import add_hashed, group_all  # noqa: F401


@pytest.fixture
def three_groups(add_hashed, group_all):  # noqa: F811
    rows = [add_hashed(picture) for picture in (0, 0, 0, 1, 1, 2, 2, 3)]
    group_all()
    DuplicateGroup.objects.filter(keeper=rows[5].pk).update(open_count=0)
    return rows


def test_list_leads_to_the_groups_that_wait_for_a_decision(superuser, three_groups, monkeypatch):
    page = superuser.get(address("changelist")).text
    assert "2 groups of duplicates to review" in page
    assert reverse("admin:hashing_duplicategroup_changelist") in page
    monkeypatch.setattr(duplicates, "MAX_COUNTED", 1)
    assert "over 1 groups of duplicates to review" in superuser.get(address("changelist")).text


def test_picture_leads_to_its_group(superuser, three_groups):
    page = superuser.get(address("change", three_groups[1].pk)).text
    group_page = reverse("admin:hashing_duplicategroup_of", args=(three_groups[1].pk,))
    assert f'<a href="{group_page}">2 other images seem to be the same</a>' in page
    assert superuser.get(group_page, follow=True).status_code == 200
    assert "seem" not in superuser.get(address("change", three_groups[-1].pk)).text


def test_who_may_not_see_groups_is_not_led_there(editor, three_groups):
    assert "to review" not in editor.get(address("changelist")).text
    assert "seem to be" not in editor.get(address("change", three_groups[1].pk)).text
    User.objects.get().user_permissions.add(Permission.objects.get(codename="view_duplicategroup"))
    assert "to review" in editor.get(address("changelist")).text
