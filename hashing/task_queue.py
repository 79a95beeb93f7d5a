"""Django's Tasks interface, from Django itself or, before 6.0, from the package django-tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.tasks import task, task_backends
    from django.tasks.backends.dummy import DummyBackend
    from django.tasks.backends.immediate import ImmediateBackend
else:
    try:
        from django.tasks import task, task_backends
        from django.tasks.backends.dummy import DummyBackend
        from django.tasks.backends.immediate import ImmediateBackend
    except ImportError:
        from django_tasks import task, task_backends
        from django_tasks.backends.dummy import DummyBackend
        from django_tasks.backends.immediate import ImmediateBackend

__all__ = ["has_queue", "runs_nothing", "task", "task_backends"]


def has_queue(a_task: Any) -> bool:
    """Whether a task runs elsewhere. Without a queue it runs in the process that enqueues it, which waits for it."""
    return not isinstance(task_backends[a_task.backend], ImmediateBackend)


def runs_nothing(a_task: Any) -> bool:
    """Whether the backend only notes what is enqueued, as in tests."""
    return isinstance(task_backends[a_task.backend], DummyBackend)
