"""The Tasks interface and its back end."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, register

from hashing.checks.messages import error, warning


@register("hashing")
def check_tasks(**_kwargs: Any) -> list[CheckMessage]:
    if not any(map(find_spec, ("django.tasks", "django_tasks"))):
        return _missing_interface()
    from hashing.task_queue import runs_nothing, task

    try:
        # Declaring a task is what asks the back end whether it takes it: here one that is never enqueued.
        is_dummy = runs_nothing(task()(_probe))
    # Whatever the back end of a site raises while it is imported and asked.
    except Exception as reason:
        message = f"The task backend 'default' does not take the tasks of the app 'hashing': {reason}"
        return [error("E012", message, "Give TASKS a backend 'default', with 'default' among its QUEUES.")]
    if not is_dummy:
        return []
    message = "The task backend runs no task, so that what is left to it waits for ever."
    hint = "Set TASKS to a backend other than DummyBackend, except in tests."
    return [warning("W004", message, hint)]


def _missing_interface() -> list[CheckMessage]:
    given = getattr(settings, "HASHING", {})
    if not isinstance(given, dict) or given.get("ON_UPLOAD") != "task":
        return []
    message = "HASHING['ON_UPLOAD'] is 'task', and there is no Tasks interface."
    return [error("E004", message, "Install the package django-tasks, or use Django 6.0 or newer.")]


def _probe() -> None: ...
