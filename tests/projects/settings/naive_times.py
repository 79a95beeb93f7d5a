"""Local times without a zone, in one that is far from UTC."""

from __future__ import annotations

from tests.projects.settings.base import *  # noqa: F403

USE_TZ = False
TIME_ZONE = "Pacific/Auckland"
