"""Each request is a transaction."""

from __future__ import annotations

from tests.projects.settings.base import *  # noqa: F403
from tests.projects.settings.base import DATABASES

DATABASES["default"]["ATOMIC_REQUESTS"] = True
