from __future__ import annotations

import pytest
from django.apps.registry import Apps

from hashing.checks.packages import check_admin_actions, check_user_model

ADMIN = ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages"]


@pytest.mark.parametrize(
    ("installed", "check_id"),
    [
        (["hashing", *ADMIN], "hashing.E005"),
        (["hashing", *ADMIN, "admin_actions"], "hashing.E006"),
        (["hashing", "admin_actions", *ADMIN], None),
        ([*ADMIN[1:], "hashing"], None),
    ],
)
def test_the_buttons_need_an_app_before_the_admin(monkeypatch, installed, check_id):
    monkeypatch.setattr("hashing.checks.packages.apps", Apps(installed))
    messages = check_admin_actions()
    assert [message.id for message in messages] == ([check_id] if check_id else [])
    assert all("before 'django.contrib.admin' in INSTALLED_APPS" in message.hint for message in messages)


def test_a_user_model_that_is_not_installed_is_an_error(settings):
    assert check_user_model() == []
    settings.AUTH_USER_MODEL = "people.Person"
    [error] = check_user_model()
    assert (error.id, "people.Person" in error.msg) == ("hashing.E011", True)
    assert "'django.contrib.auth' and 'django.contrib.contenttypes'" in error.hint
