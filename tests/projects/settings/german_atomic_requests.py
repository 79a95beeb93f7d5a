"""Numbers with points for commas, and a transaction around each request."""

from __future__ import annotations

from tests.projects.settings.base import *  # noqa: F403
from tests.projects.settings.base import DATABASES

LANGUAGE_CODE = "de"
USE_THOUSAND_SEPARATOR = True
DATABASES["default"]["ATOMIC_REQUESTS"] = True
