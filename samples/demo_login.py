"""Make a log-in for the demo and print it: `DEBUG=1 python -m samples.demo_login`. Refuses to run without DEBUG."""

from __future__ import annotations

import os
import secrets
import sys

import django

NAME = "demo"


def make_login() -> str:
    """Give the user `demo` all rights and a new password, which is returned."""
    from django.contrib.auth.models import User

    password = secrets.token_urlsafe(9)
    user, _ = User.objects.get_or_create(username=NAME)
    user.is_staff = user.is_superuser = user.is_active = True
    user.set_password(password)
    user.save()
    return password


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch.settings")
    django.setup()
    from django.conf import settings

    if not settings.DEBUG:
        sys.exit("This log-in is for the demo only, and DEBUG is off.")
    print(f"\nLog in as {NAME} with the password {make_login()}\n")


if __name__ == "__main__":
    main()
