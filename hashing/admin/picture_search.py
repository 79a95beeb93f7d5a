"""The upload of a picture to search by. Only its hashes are taken on, in an address; the file is forgotten."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from hashing.admin.links import admin_url
from hashing.admin.pages import admin_page
from hashing.admin.upload_field import PictureField
from hashing.conf import hashing_settings
from hashing.perceptual_hash import Fingerprint, compute_fingerprint

TEMPLATE = "admin/hashing/search_by_picture.html"


class PictureForm(forms.Form):
    picture = PictureField(label=gettext_lazy("Picture"), widget=forms.FileInput)

    def clean_picture(self) -> Fingerprint:
        """The whole file is decoded only now."""
        try:
            return compute_fingerprint(self.cleaned_data["picture"], hashing_settings().MAX_PIXELS)
        except (ValueError, MemoryError, OSError) as error:
            reason = str(error).removeprefix("Failed to process image: ")
            message = _("This file cannot be used as a picture: %(reason)s.")
            raise ValidationError(message, code="invalid_image", params={"reason": reason}) from error


class PictureSearch(admin.ModelAdmin):  # type: ignore[type-arg]
    @admin.action(description=gettext_lazy("Search by picture"), permissions=["view"])
    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def hashing_imageasset_search_by_picture(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = PictureForm(request.POST, request.FILES) if request.method == "POST" else PictureForm()
        if form.is_valid():
            return redirect(self._address_of(form.cleaned_data["picture"]))
        return admin_page(self, request, TEMPLATE, _("Search by picture"), form=form)

    hashing_imageasset_search_by_picture.url_path = "search-by-picture/"  # type: ignore[attr-defined]

    def _address_of(self, picture: Fingerprint) -> str:
        """Return the address of the page with what is similar to a picture."""
        query = {
            "hash": picture.perceptual_hash,
            "vertical": picture.vertical_hash,
            "detail": picture.detail_hash,
            "quality": picture.quality,
        }
        return admin_url(self.admin_site, "imageasset_similar", query=query)
