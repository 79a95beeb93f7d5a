"""Admin sites besides Django's default one."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig


class Office(AdminSite):
    def __init__(self) -> None:
        super().__init__("office")


class OfficeConfig(AdminConfig):
    default_site = "tests.projects.admin_sites.Office"
