"""Create a superuser for the demo and print its password: `DEBUG=1 python -m samples.demo_login`.

It is created only with DEBUG on, and only in the SQLite file of the checkout.
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
    """Make the user `demo` a superuser with a new password, and return the password."""
    from django.contrib.auth.models import User

    password = secrets.token_urlsafe(9)
    user, _ = User.objects.get_or_create(username=NAME)
    user.is_staff = user.is_superuser = user.is_active = True
    user.set_password(password)
    user.save()
    return password


def is_of_demo(database: Mapping[str, Any]) -> bool:
    """Whether these settings of a database name the file in the checkout."""
    return database["ENGINE"] == "django.db.backends.sqlite3" and Path(database["NAME"]).resolve() == DATABASE


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch.settings")
    django.setup()
    from django.conf import settings

    if not settings.DEBUG:
        sys.exit("This login is for the demo only, and DEBUG is off.")
    if is_of_demo(settings.DATABASES["default"]):
        print(f"\nLog in as {NAME} with the password {make_login()}\n")
    else:
        print("\nDATABASE_URL names another database, in which no demo user is created. Log in as one of its users.\n")


if __name__ == "__main__":
    main()
