from __future__ import annotations

import threading

import pytest
from django.db import DatabaseError, connection, connections
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

from hashing.backfill import backfill_perceptual_hashes
from hashing.models import ImageAsset
from hashing.observability import metrics
from hashing.observability.metrics import GAUGES, FiguresCollector, borrowed_connection
from hashing.tasks import hash_upload
from tests.observability.conftest import FAILED, HASHED, add_rows, add_run, ago

pytestmark = pytest.mark.django_db


@pytest.fixture
def registry() -> CollectorRegistry:
    found = CollectorRegistry()
    found.register(FiguresCollector())
    return found


def sample(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


def test_gauges_are_the_figures_at_the_scrape(registry):
    add_rows(3, **HASHED), add_rows(1, **FAILED)
    assert sample(registry, "hashing_images", state="waiting") == 0
    add_rows(2, created_at=ago(100))
    add_run(), add_run(ended=1)
    counts = {state: sample(registry, "hashing_images", state=state) for state in ("waiting", "failed", "hashed")}
    assert counts == {"waiting": 2, "failed": 1, "hashed": 3}
    assert sample(registry, "hashing_up") == sample(registry, "hashing_running", kind="backfill") == 1
    assert sample(registry, "hashing_oldest_waiting_seconds") >= 100
    assert {family.name for family in registry.collect()} == set(GAUGES)


def test_a_scrape_without_the_database_says_so_and_does_not_fail(registry, monkeypatch):
    def fail(using):
        raise DatabaseError("no such table")

    monkeypatch.setattr(metrics, "collect_figures", fail)
    assert b"hashing_up 0.0" in generate_latest(registry)
    assert sample(registry, "hashing_images", state="waiting") is None


def test_a_query_that_fails_does_not_break_the_transaction_of_the_request(registry, monkeypatch):
    def fail(using):
        connection.cursor().execute("SELECT * FROM no_such_table")

    monkeypatch.setattr(metrics, "collect_figures", fail)
    assert sample(registry, "hashing_up") == 0
    assert ImageAsset.objects.count() == 0


def test_registering_asks_no_database(django_assert_num_queries):
    with django_assert_num_queries(0):
        CollectorRegistry().register(FiguresCollector())


def test_the_app_registers_itself_where_django_prometheus_exports():
    add_rows(2)
    assert sample(REGISTRY, "hashing_images", state="waiting") == 2


def test_a_thread_without_a_connection_has_none_afterwards():
    calls = []

    def scrape() -> None:
        own = connections["default"]
        own.close = lambda: calls.append("closed")
        with borrowed_connection("default"):
            calls.append("read")

    thread = threading.Thread(target=scrape)
    thread.start()
    thread.join()
    assert calls == ["read", "closed"]


def test_a_connection_that_was_open_stays_open():
    calls = []

    def scrape() -> None:
        own = connections["default"]
        own.connection, own.close = object(), lambda: calls.append("closed")
        with borrowed_connection("default"):
            calls.append("read")
        own.connection = None

    thread = threading.Thread(target=scrape)
    thread.start()
    thread.join()
    assert calls == ["read"]


def test_hashed_and_failed_images_are_counted(add_image):
    add_image("gone.jpg", content=None), add_image("here.jpg")
    before = [sample(REGISTRY, "hashing_processed_images_total", result=each) or 0 for each in ("hashed", "failed")]
    backfill_perceptual_hashes(workers=1)
    after = [sample(REGISTRY, "hashing_processed_images_total", result=each) for each in ("hashed", "failed")]
    assert after == [before[0] + 1, before[1] + 1]


def test_counters_begin_at_zero():
    registry = CollectorRegistry()
    metrics.make_image_counter(registry)
    for result in ("hashed", "failed"):
        assert sample(registry, "hashing_processed_images_total", result=result) == 0


def test_uploads_are_timed(add_image):
    asset = add_image()
    before = sample(REGISTRY, "hashing_upload_seconds_count")
    hash_upload.func(asset.pk, asset.image.name, "default")
    assert sample(REGISTRY, "hashing_upload_seconds_count") == before + 1


def test_django_prometheus_exports_them(rf):
    from django_prometheus.exports import ExportToDjangoView

    add_rows(2)
    assert b'hashing_images{state="waiting"} 2.0' in ExportToDjangoView(rf.get("/metrics")).content
