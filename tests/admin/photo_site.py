"""A site with the photos in its admin, as a site of its own would register them."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.urls import path

from hashing.admin import ImageAssetAdmin, SimilarPictureAdminMixin
from hashing.models import ImageAsset
from tests.site_models.models import Photo

# Its name is not that of the default site, which other tests look up.
site = AdminSite("photos")


class PhotoAdmin(SimilarPictureAdminMixin, admin.ModelAdmin):
    fieldsets = [(None, {"fields": ["title"]}), ("File", {"fields": [("original", "deleted")]})]

    def get_queryset(self, request):
        return super().get_queryset(request).exclude(title="of another tenant")


site.register(Photo, PhotoAdmin)
site.register(ImageAsset, ImageAssetAdmin)
urlpatterns = [path("admin/", site.urls)]
