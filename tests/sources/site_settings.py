"""A site in processes of its own, with a source."""

from __future__ import annotations

from tests.settings import *  # noqa: F403

HASHING = {"SOURCES": ["site_models.Picture.image"]}
