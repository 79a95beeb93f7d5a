"""Two admin sites, both with images: what is opened in one of them stays there."""

from __future__ import annotations

from tests.projects.settings.base import *  # noqa: F403

ROOT_URLCONF = "tests.projects.settings.two_sites_urls"
