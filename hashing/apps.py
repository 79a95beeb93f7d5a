from __future__ import annotations

from importlib.util import find_spec

from django.apps import AppConfig
from django.core.signals import request_finished, request_started
from django.db.backends.signals import connection_created
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class HashingConfig(AppConfig):
    name = "hashing"
    verbose_name = _("Image hashing")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hashing.checks import databases, packages, settings, sources  # noqa: F401
        from hashing.grouping.signals import connect_groups
        from hashing.indexing.signals import connect_sources
        from hashing.previews.signals import connect_previews
        from hashing.search.sqlite_functions import add_sqlite_functions
        from hashing.uploads import connect_uploads
        from hashing.workers.decoder import begin_request, end_request

        request_started.connect(begin_request, dispatch_uid="hashing.workers")
        request_finished.connect(end_request, dispatch_uid="hashing.workers")
        connection_created.connect(add_sqlite_functions, dispatch_uid="hashing.search")
        connect_uploads()
        connect_groups()
        connect_previews()
        if find_spec("prometheus_client"):
            from hashing.observability.metrics import connect_metrics

            connect_metrics()
        autodiscover_modules("image_sources")
        connect_sources()
