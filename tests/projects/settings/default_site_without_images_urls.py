from __future__ import annotations

from django.contrib import admin

from tests.projects.settings.two_sites_urls import urlpatterns  # noqa: F401

for model in list(admin.site._registry):
    if model._meta.app_label == "hashing":
        admin.site.unregister(model)
