from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from admin_actions.admin import ActionsModelAdmin
from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, URLPattern, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

TEMPLATE = "admin/hashing/buttons.html"
View = TypeVar("View", bound=Callable[..., Any])


def button(title: Any, path: str, permission: str) -> Callable[[View], View]:
    """Mark a method of a ModelAdmin as the view behind a button, as django-admin-actions expects it.

    `permission` is "view", "change" and so on: the button is shown to those who have it. The view checks it again.
    """

    def decorate(view: View) -> View:
        view.url_path = path  # type: ignore[attr-defined]
        return admin.action(view, description=title, permissions=[permission])

    return decorate


class Button(NamedTuple):
    title: str
    url: str


class Buttons:
    """The buttons of a ModelAdmin above its list, in each row and above its form.

    They lead to the methods that its `actions_list`, `actions_row` and `actions_detail` name; the attributes and the
    routes are those of django-admin-actions. The buttons are drawn here, because the package offers them to everybody
    and links to the default admin site, in which the model need not be registered.
    """

    def __init__(self, model_admin: Any) -> None:
        self.model_admin = model_admin

    def urls(self) -> list[URLPattern]:
        return ButtonRoutes(self.model_admin).get_urls()

    def for_list(self, request: HttpRequest) -> list[Button]:
        return list(self._links(self._permitted(request, self.model_admin.actions_list)))

    def for_form(self, request: HttpRequest, object_id: str) -> list[Button]:
        return list(self._links(self._permitted(request, self.model_admin.actions_detail), object_id))

    def row_columns(self, request: HttpRequest) -> list[Callable[[Any], str]]:
        """Return the column of buttons for `list_display`, or no column for users who may use none of them."""
        names = self._permitted(request, self.model_admin.actions_row)

        @admin.display(description=_("actions"))
        def buttons(row: Any) -> str:
            items = render_to_string(TEMPLATE, {"hashing_buttons": self._links(names, row.pk)})
            return format_html('<ul class="hashing-row-buttons">{}</ul>', items)

        return [buttons] if names else []

    def _permitted(self, request: HttpRequest, names: Iterable[str]) -> list[str]:
        return [name for name in names if self._is_permitted(request, getattr(self.model_admin, name))]

    def _is_permitted(self, request: HttpRequest, view: Any) -> bool:
        permissions = getattr(view, "allowed_permissions", ())
        return all(getattr(self.model_admin, f"has_{name}_permission")(request) for name in permissions)

    def _links(self, names: Iterable[str], *key: Any) -> Iterator[Button]:
        site = self.model_admin.admin_site.name
        for name in names:
            title = getattr(getattr(self.model_admin, name), "short_description", name)
            # The form is also asked for with keys that no row can have.
            with suppress(NoReverseMatch):
                yield Button(title, reverse(f"admin:{name}", args=key, current_app=site))


class ButtonRoutes(ActionsModelAdmin):  # type: ignore[misc]
    """The routes that django-admin-actions makes for the views behind the buttons of another ModelAdmin."""

    def __init__(self, model_admin: Any) -> None:
        super().__init__(model_admin.model, model_admin.admin_site)
        self.actions_list = model_admin.actions_list
        self.actions_row = model_admin.actions_row
        self.actions_detail = model_admin.actions_detail
        self.view_names = {*self.actions_list, *self.actions_row, *self.actions_detail}
        for name in self.view_names:
            setattr(self, name, getattr(model_admin, name))

    def get_urls(self) -> list[URLPattern]:
        return [route for route in super().get_urls() if route.name in self.view_names]
