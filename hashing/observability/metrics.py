"""Metrics for Prometheus, where `prometheus_client` is installed: `pip install django-imagesearch[prometheus]`.

Gauges of the figures are read at each scrape. Counters count what this process hashes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.db import DatabaseError, InterfaceError, connections, router, transaction
from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from hashing.log_events import LogEvent, error_kind, log_event
from hashing.models import ImageAsset
from hashing.observability.figures import Figures, collect_figures
from hashing.signals import images_tried, upload_tried
from hashing.text import first_line

__all__ = ["FiguresCollector"]

logger = logging.getLogger(__name__)

# By the name of the metric: what it means. `values_of` has the values.
GAUGES = {
    "hashing_up": "Whether the figures could be read from the database",
    "hashing_images": "Images by state: waiting, failed or hashed",
    "hashing_oldest_waiting_seconds": "Age of the oldest image that waits to be hashed, 0 if none waits",
    "hashing_groups_to_review": "Groups of duplicates with undecided images",
    "hashing_running": "Runs in progress by kind: backfill or deletion",
    "hashing_last_backfill_seconds": "Since the last heartbeat of the latest backfill",
}
LABELS = {"hashing_images": "state", "hashing_running": "kind"}
UPLOAD_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def make_image_counter(registry: CollectorRegistry) -> Counter:
    """Return a counter whose series begin at 0: Prometheus sees no increase in one that begins with the first image."""
    text = "Images that this process has tried to hash"
    counter = Counter("hashing_processed_images", text, ["result"], registry=registry)
    for result in ("hashed", "failed"):
        counter.labels(result)
    return counter


images = make_image_counter(REGISTRY)
uploads = Histogram("hashing_upload_seconds", "Seconds for hashing an upload", buckets=UPLOAD_SECONDS)


class FiguresCollector(Collector):
    """Reads the figures of a database at each scrape, by default of the one that image assets are written to."""

    def __init__(self, using: str | None = None) -> None:
        self.using = using

    def describe(self) -> Iterable[Metric]:
        """Return the metrics without values. Registering a collector asks no database."""
        return [GaugeMetricFamily(name, text) for name, text in GAUGES.items()]

    def collect(self) -> Iterator[Metric]:
        using = self.using or router.db_for_write(ImageAsset)
        try:
            with borrowed_connection(using):
                values = values_of(collect_figures(using))
        # Without the database or its tables, the other metrics of the site are still exported.
        except (DatabaseError, InterfaceError) as error:
            message, event, kind = "The figures cannot be read: %s", LogEvent.FIGURES_UNREADABLE, error_kind(error)
            log_event(logger, event, message, first_line(error), database=using, error_kind=kind)
            values = {"hashing_up": 0}
        for name, value in values.items():
            yield gauge(name, value)


def values_of(figures: Figures) -> dict[str, Any]:
    """Return the value of each gauge, or its values by label."""
    summary = figures.summary
    values = {
        "hashing_up": 1,
        "hashing_images": {"waiting": summary.waiting, "failed": summary.failed, "hashed": summary.hashed},
        "hashing_oldest_waiting_seconds": figures.oldest_waiting_seconds,
        "hashing_groups_to_review": figures.groups_to_review,
        "hashing_running": {"backfill": figures.running_backfills, "deletion": figures.running_deletions},
        "hashing_last_backfill_seconds": figures.last_backfill_seconds,
    }
    return {name: value for name, value in values.items() if value is not None}


def gauge(name: str, value: Any) -> Metric:
    if name not in LABELS:
        return GaugeMetricFamily(name, GAUGES[name], value=value)
    family = GaugeMetricFamily(name, GAUGES[name], labels=[LABELS[name]])
    for label, number in value.items():
        family.add_metric([label], number)
    return family


@contextmanager
def borrowed_connection(using: str) -> Iterator[None]:
    """Leave the connection of this thread as it was: the server of an exporter has a thread for each scrape.

    Inside a transaction, a query that fails does not break it.
    """
    connection = connections[using]
    if connection.in_atomic_block:
        with transaction.atomic(using=using):
            yield
        return
    was_open = connection.connection is not None
    try:
        yield
    finally:
        if not was_open:
            connection.close()


def count_images(hashed: int, failed: int, **_kwargs: Any) -> None:
    images.labels("hashed").inc(hashed)
    images.labels("failed").inc(failed)


def observe_upload(seconds: float, **_kwargs: Any) -> None:
    uploads.observe(seconds)


# Once in a process: Django loads the apps again where a test overrides INSTALLED_APPS.
@cache
def connect_metrics() -> None:
    """Register the gauges of the default database, and count what this process hashes."""
    images_tried.connect(count_images, dispatch_uid="hashing.metrics")
    upload_tried.connect(observe_upload, dispatch_uid="hashing.metrics")
    REGISTRY.register(FiguresCollector())
