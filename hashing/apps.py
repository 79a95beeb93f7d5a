from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HashingConfig(AppConfig):
    name = "hashing"
    verbose_name = _("Image hashing")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hashing import checks  # noqa: F401
        from hashing.uploads import watch_uploads

        watch_uploads()
