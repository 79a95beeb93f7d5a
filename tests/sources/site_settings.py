"""Settings of a site with a source, for tests that run its commands as processes."""

from __future__ import annotations

from tests.settings import *  # noqa: F403

HASHING = {"SOURCES": ["site_models.Picture.image"]}
