"""Pages from right to left, and times without a zone."""

from __future__ import annotations

from tests.projects.settings.base import *  # noqa: F403

LANGUAGE_CODE = "ar"
USE_THOUSAND_SEPARATOR = True
USE_TZ = False
TIME_ZONE = "Pacific/Auckland"
