from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.urls import reverse

from hashing.backfill import backfill_perceptual_hashes
from hashing.grouping import find_duplicates
from hashing.grouping.decisions import decide_same
from hashing.models import DuplicateGroup, ImageAsset
from hashing.text import isolated
from samples.pictures import photo
from tests.admin.conftest import address

pytestmark = pytest.mark.any_database

OVERRIDE = "\N{RIGHT-TO-LEFT OVERRIDE}"
# Elements that Django itself renders.
FRAME = {"title", "h1", "h2", "option", "script"}


class Texts(HTMLParser):
    """The texts of a page that contain `mark`: the number of those within `<bdi>`, and all others in `loose`."""

    def __init__(self, page: str, mark: str) -> None:
        super().__init__()
        self.mark, self.open, self.loose, self.isolated = mark, [], [], 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag not in ("img", "input", "br", "link", "meta", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if self.mark not in data or FRAME & set(self.open):
            return
        if "bdi" in self.open:
            self.isolated += 1
        else:
            self.loose.append(data)


@pytest.fixture
def pages(superuser, media, settings) -> dict[str, str]:
    """Return the pages that name images, in Arabic, for a group of three images of which one is a marked duplicate."""
    settings.LANGUAGE_CODE = "ar"
    for size in (320, 240, 160):
        name = f"{OVERRIDE}{size}.png"
        photo(size=(640, 480)).resize((size, size * 3 // 4)).save(media / name)
        ImageAsset.objects.bulk_create([ImageAsset(image=name)])
    backfill_perceptual_hashes(workers=1)
    broken = ImageAsset.objects.bulk_create([ImageAsset(image=f"{OVERRIDE}broken.png", hash_error="broken")])[0]
    find_duplicates()
    group = DuplicateGroup.objects.get()
    decide_same(group, [group.members.get(position=1).asset_id], None)
    addresses = {
        "list": address("changelist"),
        "similar": address("find_similar", group.keeper_id),
        "recompute": address("recompute", broken.pk),
        "progress": address("progress"),
        "review": f"{reverse('admin:hashing_duplicategroup_changelist')}?state=all",
        "group": reverse("admin:hashing_duplicategroup_of", args=(group.keeper_id,)),
        "decisions": reverse("admin:hashing_pairdecision_changelist"),
        "marked": reverse("admin:hashing_markedduplicate_changelist"),
        "deletion": reverse("admin:hashing_markedduplicate_delete", args=(group.members.get(position=1).asset_id,)),
    }
    return {name: superuser.get(where, follow=True).text for name, where in addresses.items()}


def test_names_do_not_change_the_direction_of_the_text_around_them(pages):
    for name, page in pages.items():
        texts = Texts(page, OVERRIDE)
        assert texts.isolated, f"{name} names no picture"
        assert texts.loose == [], name


def test_sizes_are_written_from_left_to_right(pages):
    for name in ("list", "similar", "review", "group", "marked"):
        texts = Texts(pages[name], "\N{MULTIPLICATION SIGN}")
        assert texts.isolated, f"{name} shows no size"
        assert texts.loose == [], name


@pytest.mark.parametrize(("name", "shown"), [("a.jpg", "a.jpg"), ("אב.jpg", "\u2068אב.jpg\u2069")])
def test_names_in_messages(name, shown):
    assert isolated(name) == shown


def test_direction_marks_in_messages_are_escaped():
    assert isolated(f"a{OVERRIDE}gpj.exe") == r"a\u202egpj.exe"
