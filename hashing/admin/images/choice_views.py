from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin
from django.contrib.admin.exceptions import DisallowedModelAdminToField
from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import router, transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from hashing.admin.fields import ImageUploadField
from hashing.admin.images.upload_choice import confirmation_of, may_replace
from hashing.admin.links import admin_page, admin_url
from hashing.admin.previews import LARGE, preview_html
from hashing.admin.visibility import ImageAccess
from hashing.models import ImageAsset

TEMPLATE = "admin/hashing/images/replace.html"


class ReplaceFileForm(forms.Form):
    """An upload, and the confirmation that it replaces the file of an image."""

    image = ImageUploadField(label=gettext_lazy("image"), widget=forms.FileInput)

    def __init__(self, asset: ImageAsset, data: QueryDict, files: Any) -> None:
        super().__init__(data, files)
        self.confirmation = confirmation_of(asset)
        self.confirmed = data.getlist("confirm_replace")

    def clean(self) -> Any:
        if self.confirmation not in self.confirmed:
            raise ValidationError(_("Please confirm that the file is to be replaced."), code="unconfirmed")
        return super().clean()


class UploadChoiceViews:
    """The answers to an upload form that save no new image: use one that is here, or replace its file."""

    def __init__(self, model_admin: ModelAdmin[Any]) -> None:
        self.model_admin = model_admin

    def urls(self) -> list[URLPattern]:
        wrap = self.model_admin.admin_site.admin_view
        return [
            path("<int:pk>/use/", wrap(require_POST(self.use)), name="hashing_imageasset_use"),
            path("<int:pk>/replace/", wrap(require_POST(self.replace)), name="hashing_imageasset_replace"),
        ]

    def use(self, request: HttpRequest, pk: int) -> HttpResponse:
        asset = self.model_admin.get_queryset(request).filter(pk=pk).first()
        if not self.model_admin.has_view_permission(request, asset):
            raise PermissionDenied
        if asset is None:
            raise Http404
        self.check_to_field(request)
        return self.end(request, asset)

    def replace(self, request: HttpRequest, pk: int) -> HttpResponse:
        site = self.model_admin.admin_site
        asset = self.model_admin.get_queryset(request).filter(pk=pk).first()
        if not self.model_admin.has_change_permission(request, asset):
            raise PermissionDenied
        if asset is None:
            raise Http404
        if not may_replace(asset, ImageAccess(request, site)):
            raise PermissionDenied
        self.check_to_field(request)
        form = ReplaceFileForm(asset, request.POST, request.FILES)
        if form.is_valid():
            self.save(request, asset, form)
            return self.end(request, asset)
        popup_fields = {name: request.POST[name] for name in (IS_POPUP_VAR, TO_FIELD_VAR) if name in request.POST}
        context = {"form": form, "asset": asset, "preview": preview_html(asset, LARGE, site)}
        popup = {"popup_fields": popup_fields, "is_popup": IS_POPUP_VAR in popup_fields}
        return admin_page(self.model_admin, request, TEMPLATE, _("Replace the file"), **context, **popup)

    def save(self, request: HttpRequest, asset: ImageAsset, form: ReplaceFileForm) -> None:
        asset.image = form.cleaned_data["image"]
        with transaction.atomic(using=router.db_for_write(ImageAsset)):
            self.model_admin.save_model(request, asset, form, change=True)
            self.model_admin.log_change(request, asset, _("The file was replaced by an upload of the same image."))
            self.model_admin.message_user(request, _("The file was replaced."))

    def check_to_field(self, request: HttpRequest) -> None:
        """Refuse a popup that asks for the value of a field that nothing refers to, as the forms of Django do."""
        to_field = request.POST.get(TO_FIELD_VAR)
        if to_field and not self.model_admin.to_field_allowed(request, to_field):
            raise DisallowedModelAdminToField(f"The field {to_field} cannot be referenced.")

    def end(self, request: HttpRequest, asset: ImageAsset) -> HttpResponse:
        """Choose the image in the form behind a popup, which closes; else show the form of the image."""
        if IS_POPUP_VAR in request.POST:
            return self.model_admin.response_add(request, asset)
        return redirect(admin_url(self.model_admin.admin_site, "imageasset_change", asset.pk))
