"""Images are in an admin site of their own, and not in the default one."""

from __future__ import annotations

from tests.projects.settings.two_sites import *  # noqa: F403

ROOT_URLCONF = "tests.projects.settings.default_site_without_images_urls"
