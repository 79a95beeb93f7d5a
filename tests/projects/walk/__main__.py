"""Use every page that the app has in an admin site: `python -m walk PICTURE [NAME OF THE SITE]`.

It needs nothing else of the checkout, so that a test can copy this folder into a project. The site needs four groups of
duplicates, one of them with a copy of PICTURE.
"""

from __future__ import annotations

import sys
from pathlib import Path

import django


def main(picture: Path, site_name: str) -> None:
    from django.contrib.auth import get_user_model
    from django.test.utils import setup_test_environment

    from .journey import Journey

    setup_test_environment()
    model = get_user_model()
    user = model._default_manager.create_superuser(**{model.USERNAME_FIELD: "visitor"}, password=None)
    journey = Journey(user, site_name)
    journey.see_everything()
    journey.decide()
    journey.undo()
    journey.upload(picture)
    journey.search(picture)
    journey.hash_again()
    journey.delete_marked()
    journey.check_all_pages_were_opened()
    sys.stdout.write("Every page works.\n")


if __name__ == "__main__":
    django.setup()
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "admin")
