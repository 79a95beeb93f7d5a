"""Other apps that this one needs. Those that the admin needs are checked by the admin itself."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, register
from django.core.exceptions import ImproperlyConfigured

from hashing.checks.messages import error


@register("hashing")
def check_admin_actions(**_kwargs: Any) -> list[CheckMessage]:
    """The buttons of the admin are made with django-admin-actions, whose templates stand in for Django's own."""
    if not apps.is_installed("django.contrib.admin"):
        return []
    names = [config.name for config in apps.get_app_configs()]
    hint = "Put 'admin_actions' before 'django.contrib.admin' in INSTALLED_APPS."
    if "admin_actions" not in names:
        return [error("E005", "The app 'admin_actions' is not installed.", hint)]
    if names.index("admin_actions") > names.index("django.contrib.admin"):
        message = "'admin_actions' comes after 'django.contrib.admin', whose templates take the place of its own."
        return [error("E006", message, hint)]
    return []


@register("hashing")
def check_user_model(**_kwargs: Any) -> list[CheckMessage]:
    """Decisions about pairs of images name the user who made them."""
    try:
        get_user_model()
    except ImproperlyConfigured as reason:
        hint = (
            "Put 'django.contrib.auth' and 'django.contrib.contenttypes', or the app of your user, in INSTALLED_APPS."
        )
        return [error("E011", f"The model of the users is not installed: {reason}", hint)]
    return []
