"""The site is below a path of its server."""

from __future__ import annotations

from tests.projects.settings.base import *  # noqa: F403

FORCE_SCRIPT_NAME = "/below"
