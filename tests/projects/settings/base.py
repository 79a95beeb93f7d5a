"""The site's settings, with models of its own. The other modules here differ from them in things that have nothing in
common."""

from __future__ import annotations

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.projects.settings.urls"
HASHING = {"SOURCES": ["site_models.Photo.original"]}
