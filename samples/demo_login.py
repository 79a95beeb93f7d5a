"""Make a log-in for the demo and print it: `DEBUG=1 python -m samples.demo_login`.

It has all rights, so it is made in the demo's own database alone: the SQLite file of the checkout, with DEBUG on.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import django

NAME = "demo"
DATABASE = Path(__file__).resolve().parent.parent / "db.sqlite3"


def make_login() -> str:
    """Give the user `demo` all rights and a new password, which is returned."""
    from django.contrib.auth.models import User

    password = secrets.token_urlsafe(9)
    user, _ = User.objects.get_or_create(username=NAME)
    user.is_staff = user.is_superuser = user.is_active = True
    user.set_password(password)
    user.save()
    return password


def is_of_demo(database: Mapping[str, Any]) -> bool:
    """Whether these settings of a database are those of the file in the checkout."""
    return database["ENGINE"] == "django.db.backends.sqlite3" and Path(database["NAME"]).resolve() == DATABASE


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch.settings")
    django.setup()
    from django.conf import settings

    if not settings.DEBUG:
        sys.exit("This log-in is for the demo only, and DEBUG is off.")
    if is_of_demo(settings.DATABASES["default"]):
        print(f"\nLog in as {NAME} with the password {make_login()}\n")
    else:
        print("\nDATABASE_URL names a database of your own, which gets no log-in of the demo: use one that it has.\n")


if __name__ == "__main__":
    main()
