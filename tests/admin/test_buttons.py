from __future__ import annotations

import pytest
from admin_actions.admin import ActionsModelAdmin
from django.contrib.admin import AdminSite
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import include, path

from hashing.admin.buttons import Button, ButtonRoutes, button
from hashing.admin.images.admin import ImageAssetAdmin
from hashing.models import ImageAsset

office = AdminSite("office")


class OfficeAdmin(ImageAssetAdmin):
    actions_list = (*ImageAssetAdmin.actions_list, "print_all")
    actions_row = ("print_one",)
    list_display = ("name", "state")

    @button("Print all", "print-all/", "delete")
    def print_all(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("all")

    def print_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        return HttpResponse(f"number {pk}")


office.register(ImageAsset, OfficeAdmin)
# The default admin site is not installed.
urlpatterns = [path("office/", include(office.urls[:2], namespace="office"))]
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def model_admin() -> OfficeAdmin:
    return office.get_model_admin(ImageAsset)


@pytest.fixture
def request_of(db):
    def make(user: object) -> HttpRequest:
        request = RequestFactory().get("/")
        request.user = user
        return request

    return make


@pytest.fixture
def superuser_request(request_of) -> HttpRequest:
    return request_of(User.objects.create_superuser("superuser"))


def test_buttons_of_a_subclass_link_to_its_views_in_its_site(model_admin, superuser_request):
    buttons = model_admin.buttons.for_list(superuser_request)
    assert [each.title for each in buttons] == ["Search by image", "Hash all waiting", "Print all"]
    assert buttons[2] == Button("Print all", "/office/hashing/imageasset/print-all/")


def test_view_without_a_description_or_a_permission_has_a_button_as_well(model_admin, superuser_request):
    [column] = model_admin.buttons.row_columns(superuser_request)
    assert '<a href="/office/hashing/imageasset/print_one/7/">print_one</a>' in column(ImageAsset(pk=7))


def test_button_is_hidden_without_its_permission(model_admin, request_of):
    assert model_admin.buttons.for_list(request_of(AnonymousUser())) == []


def test_columns_of_a_subclass_are_followed_by_the_buttons(model_admin, superuser_request):
    *columns, buttons = model_admin.get_list_display(superuser_request)
    assert (columns, buttons.__name__) == (["name", "state"], "buttons")


def test_key_that_no_row_can_have_has_no_buttons(model_admin, superuser_request):
    assert model_admin.buttons.for_form(superuser_request, "no-key") == []


def test_routes_are_those_of_the_library(model_admin):
    routes = ButtonRoutes(model_admin)
    assert isinstance(routes, ActionsModelAdmin)
    assert {route.name for route in routes.get_urls()} == routes.view_names


def test_list_is_shown_where_the_default_site_has_no_images(model_admin, client, superuser_request):
    client.force_login(superuser_request.user)
    page = client.get("/office/hashing/imageasset/", secure=True)
    assert page.status_code == 200
    assert "Print all" in page.text
