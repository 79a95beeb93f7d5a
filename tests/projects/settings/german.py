from __future__ import annotations

from tests.projects.settings.base import *  # noqa: F403

LANGUAGE_CODE = "de"
USE_THOUSAND_SEPARATOR = True
