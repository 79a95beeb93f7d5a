"""Reads go to a replica: another connection to the same database, on which nothing can be written or locked.

Two admin sites, both with images: what is opened in one of them stays there.
"""

from __future__ import annotations

from copy import deepcopy

from tests.projects.settings.base import *  # noqa: F403
from tests.projects.settings.base import DATABASES

replica = deepcopy(DATABASES["default"])
if "sqlite3" in replica["ENGINE"]:
    replica["NAME"] = f"file:{replica['NAME']}?mode=ro"
    replica["OPTIONS"] = {"uri": True, "timeout": 30}
else:
    replica["OPTIONS"] = {**replica.get("OPTIONS", {}), "options": "-c default_transaction_read_only=on"}
DATABASES["replica"] = replica
DATABASE_ROUTERS = ["tests.projects.settings.routers.ReplicaRouter"]

ROOT_URLCONF = "tests.projects.settings.two_sites_urls"
