from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, register
from django.core.exceptions import ImproperlyConfigured

from hashing.checks.messages import error, warning
from hashing.conf import configured_values


@register("hashing")
def check_admin_actions(**_kwargs: Any) -> list[CheckMessage]:
    """Require django-admin-actions, which makes the buttons of the admin with templates that replace Django's."""
    if not apps.is_installed("django.contrib.admin"):
        return []
    names = [config.name for config in apps.get_app_configs()]
    hint = "Put 'admin_actions' before 'django.contrib.admin' in INSTALLED_APPS."
    if "admin_actions" not in names:
        return [error("E005", "The app 'admin_actions' is not installed.", hint)]
    if names.index("admin_actions") > names.index("django.contrib.admin"):
        message = "'admin_actions' comes after 'django.contrib.admin', whose templates replace its own."
        return [error("E006", message, hint)]
    return []


@register("hashing")
def check_user_model(**_kwargs: Any) -> list[CheckMessage]:
    """Require the user model, because decisions about pairs of images refer to the user who made them."""
    try:
        get_user_model()
    except ImproperlyConfigured as reason:
        hint = (
            "Put 'django.contrib.auth' and 'django.contrib.contenttypes', or the app of your user, in INSTALLED_APPS."
        )
        return [error("E011", f"The model of the users is not installed: {reason}", hint)]
    return []


@register("hashing")
def check_tasks(**_kwargs: Any) -> list[CheckMessage]:
    if not any(map(find_spec, ("django.tasks", "django_tasks"))):
        if configured_values().get("ON_UPLOAD") != "task":
            return []
        message = "HASHING['ON_UPLOAD'] is 'task', and there is no Tasks interface."
        return [error("E004", message, "Install the package django-tasks, or use Django 6.0 or newer.")]
    try:
        # Not at the top, because hashing.tasks imports one of the two packages. It declares tasks, as this function
        # does, and a backend refuses those that it does not accept.
        from hashing.tasks import has_dummy_backend, task

        is_dummy = has_dummy_backend(task()(never_enqueued))
    # Anything that the backend of a site raises while it is imported and asked.
    except Exception as reason:
        message = f"The task backend 'default' does not take the tasks of the app 'hashing': {reason}"
        return [error("E012", message, "Give TASKS a backend 'default', with 'default' among its QUEUES.")]
    if not is_dummy:
        return []
    message = "The task backend runs no task, so that enqueued tasks are never done."
    return [warning("W004", message, "Set TASKS to a backend other than DummyBackend, except in tests.")]


def never_enqueued() -> None: ...
