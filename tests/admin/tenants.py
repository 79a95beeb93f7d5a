"""Two admin sites that restrict what their users see, images of two tenants in every state that pages show, and what
to ask their addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.admin.models import LogEntry
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.http import HttpRequest
from django.urls import NoReverseMatch, URLPattern, include, path, reverse
from django.urls.converters import IntConverter
from django.utils import timezone

from hashing.admin import DuplicateGroupAdmin, ImageAssetAdmin, MarkedDuplicateAdmin, PairDecisionAdmin
from hashing.admin.review.forms import Decision
from hashing.admin.review.presence import GroupSnapshot
from hashing.admin.review.services import apply_decision
from hashing.admin.review.verdicts import VERDICTS
from hashing.admin.visibility import ImageAccess
from hashing.db.clock import Now
from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.models import BackfillRun, DuplicateGroup, ImageAsset, MarkedDuplicate, PairDecision
from samples.pictures import encoded, photo
from tests.admin.review.conftest import store_all_groups

# A word in the names of all files of the other tenant, and the start of all their keys.
SECRET, FIRST_SECRET_KEY, FIRST_OWN_KEY = "secret", 770_000, 110_000
OWN_FOLDER, SECRET_FOLDER = "own", SECRET
HOST = f"host-of-{SECRET}"
LIST_ACTIONS = ["compute_hashes", "recompute_hashes", "delete_selected"]


class TenantAdmin(ImageAssetAdmin):
    """Shows users the images in the folder of their name, and superusers all."""

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows if request.user.is_superuser else rows.filter(image__startswith=f"{request.user.username}/")


class ObjectAdmin(ImageAssetAdmin):
    """Asks for permissions with the object, as the documentation of Django recommends."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.is_permitted("view", request, obj) or self.is_permitted("change", request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.is_permitted("change", request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.is_permitted("delete", request, obj)

    def is_permitted(self, action: str, request: HttpRequest, obj: Any) -> bool:
        return request.user.has_perm(f"hashing.{action}_imageasset", obj)


class OwnFolder(BaseBackend):
    """Permits users everything with the images in the folder of their name."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return isinstance(obj, ImageAsset) and str(obj.image).startswith(f"{user_obj.username}/")


BACKENDS = ["django.contrib.auth.backends.ModelBackend", f"{__name__}.OwnFolder"]


def make_site(name: str, image_admin: type[ImageAssetAdmin]) -> AdminSite:
    site = AdminSite(name)
    site.register(ImageAsset, image_admin)
    site.register(DuplicateGroup, DuplicateGroupAdmin)
    site.register(PairDecision, PairDecisionAdmin)
    site.register(MarkedDuplicate, MarkedDuplicateAdmin)
    return site


tenants, objects = make_site("tenants", TenantAdmin), make_site("objects", ObjectAdmin)
urlpatterns = [
    path("admin/", admin.site.urls),
    path("tenants/", include(tenants.urls[:2], namespace="tenants")),
    path("objects/", include(objects.urls[:2], namespace="objects")),
]


def routes_of(site: AdminSite) -> list[URLPattern]:
    """Return all routes of the app in this site, each once, and those of the site that show something of it."""
    routes = list[URLPattern]()
    for pattern in site.get_urls():
        if isinstance(pattern, URLPattern):
            # Passwords, languages and the login know no images.
            routes += [pattern] if pattern.name in ("index", "autocomplete", "view_on_site", "app_list") else []
        elif str(pattern.pattern).startswith("hashing/"):
            routes += [each for each in pattern.url_patterns if each.name]
    return list({route.name: route for route in routes}.values())


def converters_of(route: URLPattern) -> dict[str, Any]:
    return dict(route.pattern.converters)


def takes_key(route: URLPattern) -> bool:
    return any(isinstance(each, IntConverter) or name == "object_id" for name, each in converters_of(route).items())


class World(NamedTuple):
    """The images of both tenants by name, and the user who sees those in the folder "own" alone."""

    own: dict[str, ImageAsset]
    secret: dict[str, ImageAsset]
    user: User
    chief: User
    made_at: datetime

    @property
    def secret_keys(self) -> set[int]:
        return {asset.pk for asset in self.secret.values()}

    def keys(self) -> Iterator[int]:
        """Yield keys of anything that addresses and forms may name, those of the other tenant first."""
        yield from sorted(self.secret_keys, reverse=True)
        for model in (DuplicateGroup, PairDecision):
            yield from model.objects.order_by("pk").values_list("pk", flat=True)
        yield from (asset.pk for asset in self.own.values())


def make_user(name: str, *permissions: str) -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def make_world(media: Path) -> World:
    every = Permission.objects.filter(content_type__app_label="hashing").values_list("codename", flat=True)
    user, chief = make_user(OWN_FOLDER, *every), User.objects.create_superuser("chief")
    own, secret = dict[str, ImageAsset](), dict[str, ImageAsset]()
    content = encoded(photo(seed=1, size=(64, 48)), "JPEG")
    # The widest is the keeper.
    layout = (
        ["own", "own", "own", "secret", "secret"],
        ["secret", "own", "own", "secret"],
        ["secret", "secret"],
        ["own", "own"],
        ["own", "secret"],
    )
    rows = []
    for group, tenants_of_group in enumerate(layout, start=1):
        for place, folder in enumerate(tenants_of_group, start=1):
            rows.append(make_image(folder, f"{group}-{place}", hashes_of(group), width=5000 - place))
    for folder in ("own", "secret"):
        rows.append(make_image(folder, "waiting", {}))
        rows.append(make_image(folder, "failed", {"hash_error": f"broken by {folder}"}))
    numbers = {"own": FIRST_OWN_KEY, "secret": FIRST_SECRET_KEY}
    for row in rows:
        folder, _slash, name = row.image.name.partition("/")
        numbers[folder] += 1
        row.pk, row.file_size = numbers[folder], len(content)
        {"own": own, "secret": secret}[folder][name.removesuffix(f"-{folder}.jpg")] = row
        target = media / row.image.name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)
    ImageAsset.objects.bulk_create(rows)
    store_all_groups()
    world = World(own, secret, user, chief, timezone.now())
    decide(chief, "same", own["4-2"], own["4-1"])
    decide(chief, "same", secret["3-2"], secret["3-1"])
    decide(chief, "same", own["2-3"], secret["2-1"])
    decide(chief, "same", secret["1-5"], own["1-1"])
    # Decided before this user was restricted.
    decide(user, "same", secret["2-4"], secret["2-1"])
    # Django shows users their own past actions for ever.
    LogEntry.objects.filter(user=user).delete()
    times = {"started_at": Now(), "heartbeat_at": Now()}
    BackfillRun.objects.create(worker=HOST, model_label="hashing.ImageAsset", total=7654, **times)
    return world._replace(made_at=timezone.now())


def make_image(folder: str, name: str, fields: dict[str, Any], **others: Any) -> ImageAsset:
    return ImageAsset(image=f"{folder}/{name}-{folder}.jpg", **fields, **others)


def hashes_of(group: int) -> dict[str, Any]:
    return {
        "perceptual_hash": f"{group * 0x1111111111111111:016x}",
        "vertical_hash": f"{group * 0x0102040810204081:016x}",
        "detail_hash": f"{group * 3:064x}",
        "hash_quality": 90,
        "hash_version": HASH_VERSION,
        "height": 100,
        "file_digest": f"{group:064x}",
    }


def decide(user: User, verdict: str, asset: ImageAsset, keeper: ImageAsset) -> None:
    """Decide in the default admin site, in which everybody sees everything."""
    request = HttpRequest()
    request.user = user
    [chosen] = [each for each in VERDICTS if each.name == verdict]
    group = DuplicateGroup.objects.get(keeper=keeper)
    newest = PairDecision.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    shown = GroupSnapshot(group.size, group.open_count, newest, None)
    decision = Decision(chosen, (asset.pk,), keeper.pk, shown, uuid4())
    apply_decision(decision, DuplicateGroup.objects.all(), ImageAccess(request, admin.site))


def address(name: str, *arguments: object, site: str = "tenants") -> str:
    return reverse(f"admin:hashing_{name}", args=arguments, current_app=site)


def addresses(route: URLPattern, keys: list[int], site: str = "tenants") -> list[tuple[str, int | None]]:
    """Return the addresses of a route, each with the key of the row that it names."""
    found = []
    for key in keys if takes_key(route) else [None]:
        values = {name: {"side": 160, "app_label": "hashing"}.get(name, key) for name in converters_of(route)}
        if route.name == "view_on_site":
            values = {"content_type_id": 1, "object_id": key}
        try:
            found.append((reverse(f"admin:{route.name}", kwargs=values, current_app=site), key))
        except NoReverseMatch:
            if route.name != "app_list":
                raise
            found.append((reverse(f"admin:{route.name}", args=["hashing"], current_app=site), key))
    return found


def forms(world: World, route: URLPattern) -> list[dict[str, Any]]:
    """Return what to post to a route: everything that its forms may send, about rows of the other tenant as well."""
    if "decide" in route.name:
        return decision_forms(world.secret, world.own)
    if "take_back" in route.name:
        keys = PairDecision.objects.values_list("pk", flat=True)
        return [{"keeper": world.own["1-1"].pk, "batch": uuid4(), "take_back": key} for key in keys]
    if "undo" in route.name:
        return [{"batch": batch} for batch in PairDecision.objects.values_list("batch", flat=True)]
    if route.name.endswith("changelist"):
        chosen = list(world.keys())
        return [
            {"action": action, "_selected_action": chosen, "select_across": across, "post": post}
            for action in LIST_ACTIONS
            for across in (0, 1)
            for post in ("", "yes")
        ]
    return [{}, {"post": "yes"}]


def decision_forms(secret: dict[str, ImageAsset], own: dict[str, ImageAsset]) -> list[dict[str, Any]]:
    home = address("duplicategroup_changelist")
    fields = {"size": 3, "open_count": 2, "newest_decision": 10**6, "return_to": home}
    pairs = [
        (secret["1-4"], own["1-1"]),
        (own["1-2"], secret["2-1"]),
        (secret["2-4"], secret["2-1"]),
        (own["2-2"], secret["2-1"]),
        (own["1-2"], own["1-1"]),
        (own["1-1"], own["1-1"]),
    ]
    selections = [([secret["1-4"], own["1-2"]], own["1-1"]), ([own["2-2"], own["2-3"]], secret["2-1"])]
    found = list[dict[str, Any]]()
    for verdict in ("same", "different", "related", "keep"):
        found += [{"keeper": keeper.pk, verdict: asset.pk} for asset, keeper in pairs]
        for assets, keeper in selections:
            found += [{"keeper": keeper.pk, "selected": verdict, "image": [each.pk for each in assets]}]
    return [{**form, **fields, "batch": uuid4()} for form in found]


def assert_nothing_leaks(response: Any, key: int | None = None) -> None:
    """Assert that a response names no file and no key of the other tenant, apart from the key that was asked for.

    Its messages are read as well, which the page shows that a redirect leads to.
    """
    told = " ".join(str(message) for message in get_messages(response.wsgi_request))
    text = f"{response.get('Location', '')} {told} {b''.join(response).decode(errors='replace')}"
    assert SECRET not in text
    assert set(re.findall(rf"\b{FIRST_SECRET_KEY // 1000}\d{{3}}\b", text)) <= {str(key)}


def rows_of_others(world: World) -> list[Any]:
    """Return the images of the other tenant and the decisions about them.

    Decisions about an own image as well end with it: when it is deleted, or its file turns out to be another one.
    """
    keys = world.secret_keys
    images = ImageAsset.objects.filter(pk__in=keys)
    decisions = PairDecision.objects.filter(lower__in=keys, higher__in=keys)
    return [list(rows.order_by("pk").values()) for rows in (images, decisions)]
