from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin
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


class ReplaceFileView:
    """Gives an image the file that was uploaded in the form for another one."""

    def __init__(self, model_admin: ModelAdmin[Any]) -> None:
        self.model_admin = model_admin

    def urls(self) -> list[URLPattern]:
        view = self.model_admin.admin_site.admin_view(require_POST(self.replace))
        return [path("<int:pk>/replace/", view, name="hashing_imageasset_replace")]

    def replace(self, request: HttpRequest, pk: int) -> HttpResponse:
        site = self.model_admin.admin_site
        asset = self.model_admin.get_queryset(request).filter(pk=pk).first()
        if not self.model_admin.has_change_permission(request, asset):
            raise PermissionDenied
        if asset is None:
            raise Http404
        if not may_replace(asset, ImageAccess(request, site)):
            raise PermissionDenied
        form = ReplaceFileForm(asset, request.POST, request.FILES)
        if form.is_valid():
            self.save(request, asset, form)
            return redirect(admin_url(site, "imageasset_change", asset.pk))
        context = {"form": form, "asset": asset, "preview": preview_html(asset, LARGE, site)}
        return admin_page(self.model_admin, request, TEMPLATE, _("Replace the file"), **context)

    def save(self, request: HttpRequest, asset: ImageAsset, form: ReplaceFileForm) -> None:
        asset.image = form.cleaned_data["image"]
        with transaction.atomic(using=router.db_for_write(ImageAsset)):
            self.model_admin.save_model(request, asset, form, change=True)
            self.model_admin.log_change(request, asset, _("The file was replaced by an upload of the same image."))
            self.model_admin.message_user(request, _("The file was replaced."))
