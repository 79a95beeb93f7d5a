"""A view for monitoring: whether the images of the site are hashed as they should be."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, InterfaceError, connections, router, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views import View

from hashing.log_events import LogEvent, error_kind, log_event
from hashing.models import ImageAsset
from hashing.observability.figures import Figures, collect_figures
from hashing.observability.thresholds import Thresholds
from hashing.text import first_line

__all__ = ["HealthView"]

logger = logging.getLogger(__name__)

OK, PROBLEM, UNKNOWN = "ok", "problem", "unknown"


class HealthView(View):
    """Answers with the figures of `hashing_status` as JSON: status 200, or 503 if a limit is exceeded or the database
    cannot be read.

    The limits are those of `Thresholds`, ages in seconds. Members of the staff who may view images may see it, and
    everybody if it is `public`. The figures are collected once in `cache_seconds`, however often the view is called,
    and name no file, user or machine.
    """

    http_method_names = ["get", "head"]

    max_waiting: int | None = None
    max_age: float | None = None
    max_failed: int | None = None
    max_run_age: float | None = None
    public = False
    # The alias of the database; by default the one that image assets are written to.
    using: str | None = None
    cache_seconds = 10

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        view: Callable[..., HttpResponseBase] = super().as_view(**initkwargs)
        # With ATOMIC_REQUESTS, Django would connect first, and fail before the view can say that it cannot.
        for alias in connections:
            view = transaction.non_atomic_requests(alias)(view)
        return view

    def get(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        try:
            if not self.has_permission(request):
                raise PermissionDenied
            figures = self.find_figures()
        # The session, the user or a cache is in a database that could not be read.
        except (DatabaseError, InterfaceError) as error:
            log_unreadable(error, router.db_for_read(get_user_model()))
            return respond_unknown()
        if figures is None:
            return respond_unknown()
        problems = self.thresholds().problems(figures)
        status = PROBLEM if problems else OK
        record = {"status": status, "problems": [problem.figure for problem in problems], **figures.as_dict()}
        return respond(record, 503 if problems else 200)

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether a request may see the figures. Override it for another rule, such as a token."""
        if self.public:
            return True
        user: Any = getattr(request, "user", None)
        return bool(user and user.is_active and user.is_staff and user.has_perm("hashing.view_imageasset"))

    def thresholds(self) -> Thresholds:
        return Thresholds(self.max_waiting, self.max_age, self.max_failed, self.max_run_age)

    def find_figures(self) -> Figures | None:
        """Return the figures, which may be `cache_seconds` old; None if the database cannot be read."""
        using = self.using or router.db_for_write(ImageAsset)
        key = f"hashing.health.{using}"
        # In a tuple, because None would not be told from a missing entry.
        cached: tuple[Figures | None] | None = cache.get(key)
        if cached is None:
            cached = (read_figures(using),)
            cache.set(key, cached, self.cache_seconds)
        return cached[0]


def read_figures(using: str) -> Figures | None:
    try:
        return collect_figures(using)
    except (DatabaseError, InterfaceError) as error:
        log_unreadable(error, using)
        return None


def log_unreadable(error: Exception, using: str) -> None:
    message, event = "The figures cannot be read: %s", LogEvent.FIGURES_UNREADABLE
    log_event(logger, event, message, first_line(error), database=using, error_kind=error_kind(error))


def respond_unknown() -> HttpResponse:
    return respond({"status": UNKNOWN, "problems": ["database"]}, 503)


def respond(record: dict[str, Any], status: int) -> HttpResponse:
    return JsonResponse(record, status=status, headers={"Cache-Control": "no-store"})
