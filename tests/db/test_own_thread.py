from __future__ import annotations

import asyncio
import contextvars
import threading
import time

import pytest
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connection, connections
from django.http import HttpResponse
from django.test import AsyncClient
from django.urls import path

from hashing.backfill import abackfill_perceptual_hashes
from hashing.db.own_thread import run_in_own_thread
from hashing.grouping import afind_duplicates
from hashing.models import DuplicateGroup, ImageAsset

pytestmark = pytest.mark.django_db(transaction=True)

word = contextvars.ContextVar("word", default="")


async def hash_and_group(_request: ASGIRequest) -> HttpResponse:
    result = await abackfill_perceptual_hashes(workers=1)
    report = await afind_duplicates()
    return HttpResponse(f"{result['processed']} {len(report.groups)}")


urlpatterns = [path("hash/", hash_and_group)]


def own_thread(work, stop=lambda: None):
    return asyncio.run(run_in_own_thread(work, stop))


def test_other_queries_are_not_blocked():
    queried = threading.Event()

    async def both() -> bool:
        waiting = asyncio.create_task(run_in_own_thread(lambda: queried.wait(30), queried.set))
        await sync_to_async(queried.set)()
        return await waiting

    assert asyncio.run(both())


def test_result_error_and_context_are_passed():
    word.set("known")
    assert own_thread(word.get) == "known"

    def fail() -> None:
        raise LookupError("nowhere")

    with pytest.raises(LookupError, match="nowhere"):
        own_thread(fail)


def test_connections_of_the_thread_are_closed(monkeypatch):
    closed: list[str] = []
    monkeypatch.setattr(type(connections), "close_all", lambda _: closed.append(threading.current_thread().name))
    before = connection.connection
    own_thread(lambda: None)
    assert connection.connection is before
    assert [name.startswith("hashing") for name in closed] == [True]


def test_cancelled_caller_waits_for_the_end_of_the_work():
    asked, ended = threading.Event(), []

    def work() -> None:
        asked.wait(30)
        time.sleep(0.05)
        ended.append(True)

    async def cancel() -> None:
        task = asyncio.create_task(run_in_own_thread(work, asked.set))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == [True]

    asyncio.run(cancel())


@pytest.mark.urls(__name__)
def test_async_view_hashes_and_groups(add_image):
    add_image("a.png")
    add_image("b.png")
    response = asyncio.run(AsyncClient().get("/hash/", secure=True))
    assert response.content == b"2 1"


def test_search_for_duplicates_can_be_cancelled(monkeypatch):
    started, finished = threading.Event(), []

    def search(_options, *, progress, **_given) -> None:
        started.set()
        for _ in range(3000):
            progress("Comparing", 1)
            time.sleep(0.01)
        finished.append(True)

    monkeypatch.setattr("hashing.grouping.full_run.run_grouping", search)

    async def cancel() -> None:
        task = asyncio.create_task(afind_duplicates())
        await asyncio.to_thread(started.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert finished == []
    assert not DuplicateGroup.objects.exists()
    assert not ImageAsset.objects.exists()
