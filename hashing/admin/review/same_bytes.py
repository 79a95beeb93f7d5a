"""Whether two files are equal, byte for byte."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import zip_longest
from typing import IO, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_safe

from hashing.models import ImageAsset
from hashing.text import first_line

logger = logging.getLogger(__name__)

BLOCK = 1 << 16
MOST_COMPARED = 64 << 20
SECONDS_KEPT, SECONDS_TILL_RETRY = 24 * 3600, 60


class SameBytes(admin.ModelAdmin):  # type: ignore[type-arg]
    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_safe(self.same_bytes_view), cacheable=True)
        name = "hashing_duplicategroup_same_bytes"
        return [path("same-bytes/<int:first>/<int:second>/", view, name=name), *super().get_urls()]

    def same_bytes_view(self, request: HttpRequest, first: int, second: int) -> HttpResponse:
        """JSON: `same` is true, false, or null where nobody can say."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        assets = [ImageAsset.objects.filter(pk=key).first() for key in (first, second)]
        if None in assets:
            raise Http404
        same = have_same_bytes(*assets)
        response = JsonResponse({"same": same})
        seconds = SECONDS_TILL_RETRY if same is None else SECONDS_KEPT
        response["Cache-Control"] = f"private, max-age={seconds}"
        return response


def have_same_bytes(first: Any, second: Any) -> bool | None:
    """Reads no further than the first difference. None when a file cannot be read, or is too long to be compared."""
    try:
        with ExitStack() as opened:
            files = [opened.enter_context(asset.image.storage.open(asset.image.name)) for asset in (first, second)]
            return _are_equal(*files)
    # Whatever the storage raises, the page goes on without the badge.
    except Exception as error:
        logger.info("Assets %s and %s were not compared: %s", first.pk, second.pk, first_line(error))
        return None


def _are_equal(first: IO[bytes], second: IO[bytes]) -> bool | None:
    compared = 0
    for mine, theirs in zip_longest(_blocks(first), _blocks(second)):
        if mine != theirs:
            return False
        compared += len(mine)
        if compared > MOST_COMPARED:
            return None
    return True


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block
