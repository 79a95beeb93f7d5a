"""An editor's way through all pages of the app in an admin site."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import Resolver404, ResolverMatch, get_script_prefix, resolve, reverse
from django.utils import timezone

from hashing.models import BackfillRun, DuplicateGroup, ImageAsset, MarkedDuplicate, PairDecision

from .visitor import Form, Page, Visitor

# The pages of a list link to one another endlessly.
MAX_PAGES_PER_VIEW = 1
# Pages that Django has for every model, and to which the app does not link.
UNUSED = {
    f"hashing_{model}_{page}"
    for model, pages in {
        "duplicategroup": ("add", "delete", "history"),
        "markedduplicate": ("add", "change", "history"),
        "pairdecision": ("add", "change", "history"),
    }.items()
    for page in pages
}
# Pages for scripts, for deletions in a queue, and for what other users and later uploads have changed.
ELSEWHERE = {
    "hashing_duplicategroup_presence",
    "hashing_duplicategroup_take_back",
    "hashing_imageasset_deletion",
    "hashing_imageasset_replace",
    "hashing_imageasset_use",
    "hashing_markedduplicate_deletion",
}


class Journey:
    def __init__(self, user: Any, site_name: str) -> None:
        self.visitor = Visitor(user)
        self.site_name = site_name
        self.seen: set[str] = set()
        self._files: set[str] = set()

    def address(self, name: str, *args: Any) -> str:
        return reverse(f"admin:hashing_{name}", args=args, current_app=self.site_name)

    def open(self, name: str, *args: Any) -> Page:
        return self._follow(self.address(name, *args))

    def _follow(self, address: str) -> Page:
        self._mark_as_seen(address)
        return self._check_page(self.visitor.open(address))

    def send(self, form: Form, button: str = "", **fields: Any) -> Page:
        self._mark_as_seen(form.action)
        return self._check_page(self.visitor.send(form, button, **fields))

    def see_everything(self) -> None:
        """Follow all links from the page of the app, none of which may lead to another admin site."""
        self._reopen_the_latest_run()
        opened: Counter[str] = Counter()
        known = {reverse("admin:app_list", args=("hashing",), current_app=self.site_name)}
        waiting = list(known)
        while waiting:
            page = self._follow(waiting.pop())
            for link in page.links:
                match = _resolve(link)
                if match is None or link in known or "hashing" not in str(match.url_name):
                    continue
                known.add(link)
                opened[match.view_name] += 1
                if opened[match.view_name] <= MAX_PAGES_PER_VIEW:
                    waiting.append(link)

    def _reopen_the_latest_run(self) -> None:
        """Make the page about progress show a run that has not ended."""
        run = BackfillRun.objects.latest("pk")
        age = timezone.now() - run.started_at
        assert abs(age) < timedelta(minutes=5), f"the clock of the database is not that of the site: {run.started_at}"
        BackfillRun.objects.filter(pk=run.pk).update(ended_at=None)
        assert BackfillRun.objects.alive().exists()

    def upload(self, picture: Path) -> None:
        page = self.open("imageasset_add")
        asked = self.send(page.form(button="_save"), "_save", image=_file(picture))
        done = self.send(asked.form(button="keep_both"), "keep_both", image=_file(picture))
        asset = ImageAsset.objects.latest("pk")
        assert asset.perceptual_hash, asset.hash_error
        assert PairDecision.objects.latest("pk").verdict == PairDecision.Verdict.RELATED, done.text
        form = self.open("imageasset_change", asset.pk)
        others = (self.address("imageasset_change", key) for key in _keys() if key != asset.pk)
        assert any(link in form.links for link in others), "the page does not name the related image"
        self.send(self.open("duplicategroup_changelist").form(action="/undo/"))
        self.open("duplicategroup_of", asset.pk)
        self.open("duplicategroup_identical_files")
        self.open("imageasset_original", asset.pk)

    def search(self, picture: Path) -> None:
        page = self.open("imageasset_search_by_image")
        found = self.send(page.form(action="search-by-image/"), image=_file(picture))
        assert any(self.address("imageasset_change", key) in found.links for key in _keys()), found.text

    def hash_again(self) -> None:
        keys = _keys()[:2]
        page = self.open("imageasset_changelist")
        for action in ("compute_hashes", "recompute_hashes"):
            form = page.form(action=page.address)
            self.send(form, action=action, _selected_action=keys)
        self.send(self.open("imageasset_recompute", keys[0]).form())
        ImageAsset.objects.filter(pk=keys[0]).update(perceptual_hash=None)
        self.send(self.open("imageasset_hash_waiting").form())
        assert ImageAsset.objects.get(pk=keys[0]).perceptual_hash

    def decide(self) -> None:
        for button, verdict in (("different", "different"), ("same", "same"), ("keep", "same")):
            page = self.open("duplicategroup_changelist")
            if button == "keep":
                page = self.open("duplicategroup_change", DuplicateGroup.objects.open().first().pk)
            decided = PairDecision.objects.count()
            self.send(page.form(button=button), button)
            assert PairDecision.objects.count() > decided, button
            assert PairDecision.objects.latest("pk").verdict == verdict

    def undo(self) -> None:
        before = PairDecision.objects.in_force().count()
        page = self.open("duplicategroup_changelist")
        self.send(page.form(action="/undo/"))
        assert PairDecision.objects.in_force().count() < before
        different = PairDecision.objects.in_force().get(verdict="different")
        self.open("pairdecision_delete", different.pk)
        form = self.open("pairdecision_changelist").form(button="decision")
        # The button has an address of its own.
        self.send(replace(form, action=self.address("pairdecision_take_back")), decision=different.pk)
        assert not PairDecision.objects.in_force().filter(verdict="different").exists()

    def delete_marked(self) -> None:
        [asset] = MarkedDuplicate.objects.all()
        storage, name = asset.image.storage, asset.image.name
        assert storage.exists(name)
        self.open("markedduplicate_delete", asset.pk)
        page = self.open("markedduplicate_changelist")
        form = page.form(action=page.address)
        asked = self.send(form, action="delete_selected", _selected_action=[asset.pk])
        assert ImageAsset.objects.filter(pk=asset.pk).exists(), "it was deleted without confirmation"
        done = self.send(asked.form(action=page.address))
        assert not ImageAsset.objects.filter(pk=asset.pk).exists(), done.text
        assert not storage.exists(name)

    def check_all_pages_were_opened(self) -> None:
        from django.contrib.admin.sites import all_sites

        [site] = [site for site in all_sites if site.name == self.site_name]
        names = {
            pattern.name
            for model, model_admin in site._registry.items()
            if model._meta.app_label == "hashing"
            for pattern in model_admin.get_urls()
            if pattern.name
        }
        missing = names - self.seen - ELSEWHERE
        assert missing == UNUSED, missing ^ UNUSED

    def _mark_as_seen(self, address: str) -> None:
        if match := _resolve(address):
            self.seen.add(str(match.url_name))

    def _check_page(self, page: Page) -> Page:
        """Check the links and the files of a page."""
        self._mark_as_seen(page.address)
        # Django's list of latest actions on the index links to the default site.
        index = reverse("admin:index", current_app=self.site_name)
        for address in [] if page.address == index else [*page.links, *(form.action for form in page.forms)]:
            match = _resolve(address)
            if match and match.namespace != self.site_name:
                raise AssertionError(f"{page.address} leads to the site {match.namespace!r}: {address}")
        for address in page.files:
            self._check_file(address)
        return page

    def _check_file(self, address: str) -> None:
        name = address.partition("?")[0].removeprefix(settings.STATIC_URL)
        if name not in self._files and not address.startswith(reverse("admin:jsi18n", current_app=self.site_name)):
            assert finders.find(name), f"{address} is no static file"
            self._files.add(name)


def _keys() -> list[int]:
    return list(ImageAsset.objects.order_by("pk").values_list("pk", flat=True))


def _file(picture: Path) -> SimpleUploadedFile:
    return SimpleUploadedFile(picture.name, picture.read_bytes())


def _resolve(address: str) -> ResolverMatch | None:
    """Return the view of an address of an admin site; None for all others."""
    path, prefix = address.partition("?")[0], get_script_prefix()
    if not path.startswith(prefix):
        return None
    try:
        match = resolve(f"/{path.removeprefix(prefix)}")
    except Resolver404:
        return None
    return match if "admin" in match.app_names else None
