from __future__ import annotations

import re

import pytest
from django.contrib.admin import AdminSite
from django.db import connection
from django.template import Context, Template
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from hashing.admin import front_page
from hashing.admin.front_page import describe_work
from hashing.admin.sites import remember_site, sites_named
from hashing.models import BackfillRun, DuplicateGroup, ImageAsset
from tests.admin.review.conftest import add_group, client_of, form_of, review_address  # noqa: F401

pytestmark = pytest.mark.urls("tests.admin.tenants")


def work_on(client, name: str = "admin:index", *arguments: object) -> list[str]:
    """Return the lines of the card."""
    text = client.get(reverse(name, args=arguments)).text
    card = text.partition('<section class="hashing-work"')[2].partition("</section>")[0]
    return [
        " ".join(re.sub("<[^>]*>", " ", line).split()).replace("\xa0", " ") for line in re.findall("<li>.*?</li>", card)
    ]


@pytest.fixture
def library(add_group, client_of):  # noqa: F811
    """Three groups, one of them decided, a failed image and a running backfill."""
    groups = [add_group(size=3, file_size=2**20) for _ in range(3)]
    client = client_of("superuser")
    client.post(review_address("decide"), form_of(groups[0], "keep", groups[0].keeper_id))
    ImageAsset.objects.create(image="broken.jpg", hash_error="broken")
    now = timezone.now()
    BackfillRun.objects.create(worker="here", model_label="x", total=10, processed=4, started_at=now, heartbeat_at=now)
    return client


LINES = [
    "2 groups of duplicates to review 4 images, 4.0 MB",
    "2 marked duplicates to delete 2.0 MB",
    "1 image failed",
    "Backfill running 40%, 6 images left",
]


def test_card_says_what_is_to_be_done(library):
    assert work_on(library) == LINES


def test_lines_lead_to_lists_that_are_as_long(library):
    text = library.get(reverse("admin:index")).text
    urls = re.findall(r'<li><a href="([^"]*)">', text.partition('<section class="hashing-work"')[2])
    lengths = [response.context["cl"].result_count for url in urls[:3] if (response := library.get(url))]
    assert lengths == [2, 2, 1]
    assert library.get(urls[3]).status_code == 200


def test_card_is_on_the_page_of_the_app_and_of_no_other(library):
    assert work_on(library, "admin:app_list", "hashing") == LINES
    assert work_on(library, "admin:app_list", "auth") == []


def test_card_is_absent_when_nothing_is_to_be_done(client_of):  # noqa: F811
    assert "hashing-work" not in client_of("superuser").get(reverse("admin:index")).text


@pytest.mark.parametrize(
    ("role", "lines"),
    [("staff", []), ("blind", []), ("viewer", [LINES[0], *LINES[2:]]), ("reviewer", [LINES[0], *LINES[2:]])],
)
def test_users_see_the_lines_that_they_have_permissions_for(library, client_of, role, lines):  # noqa: F811
    assert work_on(client_of(role)) == lines


def test_card_counts_up_to_a_limit(library, monkeypatch):
    monkeypatch.setattr(front_page, "MAX_GROUPS", 1)
    monkeypatch.setattr(front_page, "MAX_IMAGES", 1)
    first, second = work_on(library)[:2]
    assert first.startswith("over 1 group of duplicates to review over ")
    assert second.startswith("over 1 marked duplicate to delete over ")


def test_card_takes_one_query_for_each_line(library, rf):
    request = rf.get("/")
    request.user, request.current_app = library.get(reverse("admin:index")).wsgi_request.user, "admin"
    with CaptureQueriesContext(connection) as queries:
        assert len(describe_work(request)) == 4
    assert len(queries) <= 5


def test_card_is_that_of_the_current_site(library):
    assert sites_named(None) == []
    assert [site.name for site in sites_named("tenants")] == ["tenants"]
    without_images = AdminSite("empty")
    remember_site(without_images)
    assert sites_named("empty") == []
    assert work_on(library, "tenants:index") == LINES


def test_pages_of_the_admin_without_a_site_have_no_card(db):
    template = Template("{% load hashing_admin %}{% hashing_front_page %}")
    assert template.render(Context({"request": RequestFactory().get("/")})).strip() == ""


def test_decided_groups_are_not_to_review(library):
    DuplicateGroup.objects.update(open_count=0, open_bytes=0)
    assert work_on(library) == LINES[1:]
