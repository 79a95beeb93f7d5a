"""Users of the site's own, with UUIDs for keys."""

from __future__ import annotations

from tests.projects.settings.base import *  # noqa: F403
from tests.projects.settings.base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.uuid_users"]
AUTH_USER_MODEL = "uuid_users.User"
