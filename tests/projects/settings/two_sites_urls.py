from __future__ import annotations

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.urls import path

office = AdminSite("office")
for model, model_admin in admin.site._registry.items():
    office.register(model, type(model_admin))

urlpatterns = [path("admin/", admin.site.urls), path("office/", office.urls)]
