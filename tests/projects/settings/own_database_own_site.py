"""The index is in another database than users and the site's rows.

Images are in an admin site of their own, and not in the default one.
"""

from __future__ import annotations

from copy import deepcopy

from tests.projects.settings.base import *  # noqa: F403
from tests.projects.settings.base import DATABASES

DATABASES["images"] = deepcopy(DATABASES["default"])
DATABASES["images"]["NAME"] = f"{DATABASES['default']['NAME']}_images"
DATABASE_ROUTERS = ["tests.projects.settings.routers.ImageRouter"]

ROOT_URLCONF = "tests.projects.settings.default_site_without_images_urls"
