"""System checks of the app's settings, and of what it needs of the site. docs/checks.md has all of them."""

from __future__ import annotations

from hashing.checks.databases import check_routers, check_sqlite, check_tables, check_vendor
from hashing.checks.installed_apps import check_admin_actions, check_user_model
from hashing.checks.settings import check_settings
from hashing.checks.sources import check_sources
from hashing.checks.storage import check_storage
from hashing.checks.tasks import check_tasks

__all__ = [
    "check_admin_actions",
    "check_routers",
    "check_settings",
    "check_sources",
    "check_sqlite",
    "check_storage",
    "check_tables",
    "check_tasks",
    "check_user_model",
    "check_vendor",
]
