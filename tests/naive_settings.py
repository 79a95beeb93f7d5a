"""The site's settings with local times, in a time zone that is far from UTC."""

from __future__ import annotations

from imagesearch.settings import *  # noqa: F403

USE_TZ = False
TIME_ZONE = "Pacific/Auckland"
