"""Pages of the admin that are neither a list nor a form of Django's."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse


def admin_page(model_admin: Any, request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
    """With the frame of the admin around it: its menu, its theme, the path to it."""
    request.current_app = model_admin.admin_site.name
    frame = model_admin.admin_site.each_context(request)
    whole = {**frame, "opts": model_admin.opts, "title": title, "media": model_admin.media}
    return TemplateResponse(request, template, whole | context)
