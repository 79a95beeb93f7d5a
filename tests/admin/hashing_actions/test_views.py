from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied

from hashing.admin.hashing_actions import tasks
from hashing.admin.images.admin import ImageAssetAdmin
from hashing.backfill import engine
from hashing.models import ImageAsset
from hashing.tasks import task_backends
from tests.admin.conftest import address, messages_of

pytestmark = pytest.mark.any_database

OLD = "0123456789abcdef"


def run(client, action: str, *assets: ImageAsset, query: str = "", across: bool = False):
    keys = [asset.pk for asset in assets]
    data = {"index": 0, "action": action, "_selected_action": keys, "select_across": "1" if across else "0"}
    return client.post(address("changelist") + query, data, follow=True)


def hashes() -> list[str | None]:
    return list(ImageAsset.objects.order_by("pk").values_list("perceptual_hash", flat=True))


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(tasks, "SHARD_SIZE", 2)


@pytest.fixture
def queue(settings):
    """Return a queue that only stores its tasks."""
    kind = type(task_backends["default"]).__module__.replace("immediate", "dummy")
    settings.TASKS = {"default": {"BACKEND": f"{kind}.DummyBackend"}}
    return task_backends["default"]


def test_hashes_the_selected_rows_alone(editor, add_image):
    first, _second = add_image("a.jpg"), add_image("b.jpg")
    response = run(editor, "compute_hashes", first)
    assert messages_of(response) == ["1 image was hashed."]
    assert [bool(value) for value in hashes()] == [True, False]


def test_messages_count_hashed_failed_and_unchanged_images(editor, add_image):
    rows = [
        add_image("a.jpg"),
        add_image("b.jpg"),
        add_image("<b>.jpg", content=b"no picture"),
        add_image("done.jpg", perceptual_hash=OLD),
    ]
    hashed, failed, left = messages_of(run(editor, "compute_hashes", *rows))
    assert hashed == "2 images were hashed."
    assert failed.startswith("1 image could not be hashed:")
    assert f'<a href="{address("change", rows[2].pk)}"><bdi>&lt;b&gt;.jpg</bdi></a>' in failed
    assert left == "1 image was left as it was: already hashed."
    assert hashes()[3] == OLD


def test_empty_selection_hashes_nothing(editor, add_image):
    add_image()
    assert "must be selected" in messages_of(run(editor, "compute_hashes"))[0]
    assert hashes() == [None]
    assert not LogEntry.objects.exists()


def test_recompute_replaces_a_hash(editor, add_image):
    asset = add_image(perceptual_hash=OLD)
    assert messages_of(run(editor, "recompute_hashes", asset)) == ["1 image was hashed."]
    assert hashes()[0] not in {None, OLD}


def test_selecting_all_matching_rows_applies_the_filter(editor, add_image):
    trees = [add_image(f"tree{number}.jpg", seed=number) for number in range(3)]
    add_image("car.jpg")
    response = run(editor, "compute_hashes", trees[0], query="?q=tree", across=True)
    assert messages_of(response) == ["3 images were hashed."]
    assert [bool(value) for value in hashes()] == [True, True, True, False]


def test_thousand_rows_are_hashed_at_once(editor, add_image):
    asset = add_image("same.jpg")
    ImageAsset.objects.bulk_create([ImageAsset(image="same.jpg") for _ in range(999)])
    assert messages_of(run(editor, "compute_hashes", asset, across=True)) == ["1000 images were hashed."]
    assert len(set(hashes())) == 1


def test_long_run_without_a_queue_stops_at_the_limit(editor, add_image, settings):
    settings.HASHING = {"ACTION_LIMIT": 2}
    rows = [add_image(f"{number}.jpg") for number in range(3)]
    hashed, rest = messages_of(run(editor, "compute_hashes", *rows))
    assert hashed == "2 images were hashed."
    assert "There are more than 2 images to hash" in rest
    assert [bool(value) for value in hashes()] == [True, True, False]


def run_tasks(queue) -> None:
    """Run the tasks in the queue, and those that they enqueue."""
    done = 0
    while done < len(queue.results):
        result = queue.results[done]
        result.task.call(*result.args, **result.kwargs)
        done += 1


@pytest.mark.parametrize("across", [True, False])
def test_long_run_is_enqueued_in_shards(editor, add_image, settings, queue, small_shards, across):
    settings.HASHING = {"ACTION_LIMIT": 2}
    rows = [add_image(f"tree{number}.jpg") for number in range(3)]
    add_image("car.jpg")
    response = run(editor, "compute_hashes", *rows, query="?q=tree", across=across)
    [message] = messages_of(response)
    assert message.startswith("These are more than 2 images. They are being hashed in the background.")
    assert f'href="{address("progress")}"' in message
    assert hashes() == [None] * 4
    assert len(queue.results) == 1
    run_tasks(queue)
    assert len(queue.results) == 1 + 2
    assert [bool(value) for value in hashes()] == [True, True, True, False]


@pytest.mark.parametrize("limit", [1, 1000], ids=["queue", "at once"])
def test_only_ticked_rows_of_a_filtered_list_are_hashed(editor, add_image, settings, queue, small_shards, limit):
    settings.HASHING = {"ACTION_LIMIT": limit}
    rows = [add_image(f"tree{number}.jpg") for number in range(4)]
    run(editor, "compute_hashes", rows[0], rows[2], query="?q=tree")
    run_tasks(queue)
    assert [bool(value) for value in hashes()] == [True, False, True, False]


@pytest.mark.parametrize("across", [True, False])
def test_queued_run_hashes_only_rows_that_the_admin_shows(
    editor, add_image, settings, queue, small_shards, monkeypatch, across
):
    settings.HASHING = {"ACTION_LIMIT": 1}
    rows = [add_image(f"{number}.jpg") for number in range(4)]
    run(editor, "compute_hashes", *rows, across=across)
    show_all = ImageAssetAdmin.get_queryset
    # Hide one of the rows after the selection.
    monkeypatch.setattr(ImageAssetAdmin, "get_queryset", lambda *args: show_all(*args).exclude(image="2.jpg"))
    run_tasks(queue)
    assert [bool(value) for value in hashes()] == [True, True, False, True]


@pytest.mark.parametrize("across", [True, False])
def test_unreachable_queue_is_reported_in_a_message(editor, add_image, settings, queue, monkeypatch, across):
    def refuse(*_arguments, **_options):
        raise ConnectionError("Connection refused")

    settings.HASHING = {"ACTION_LIMIT": 1}
    monkeypatch.setattr(type(queue), "enqueue", refuse)
    rows = [add_image(f"{number}.jpg") for number in range(2)]
    [message] = messages_of(run(editor, "compute_hashes", *rows, across=across))
    assert message.startswith("The queue cannot be reached, so nothing was started.")
    assert hashes() == [None] * 2
    assert not LogEntry.objects.exists()


def test_long_run_is_one_history_entry(editor, add_image, settings, queue, small_shards):
    settings.HASHING = {"ACTION_LIMIT": 2}
    run(editor, "compute_hashes", *(add_image(f"{number}.jpg") for number in range(3)))
    run_tasks(queue)
    assert LogEntry.objects.get().change_message == "Compute perceptual hashes: in the background"


def test_queued_run_is_refused_after_the_user_lost_the_permission(editor, add_image, settings, queue):
    settings.HASHING = {"ACTION_LIMIT": 1}
    run(editor, "compute_hashes", add_image("a.jpg"), add_image("b.jpg"))
    LogEntry.objects.get().user.user_permissions.clear()
    with pytest.raises(PermissionDenied):
        run_tasks(queue)
    assert len(queue.results) == 1
    assert hashes() == [None, None]


def test_run_is_logged_in_the_history(editor, add_image):
    run(editor, "compute_hashes", add_image())
    entry = LogEntry.objects.get()
    assert entry.user.username == "editor"
    assert entry.change_message == "Compute perceptual hashes: 1 hashed, 0 failed"
    assert editor.get("/admin/").status_code == 200


def test_unavailable_storage_is_reported_and_marks_no_row_as_failed(editor, add_image, settings, media):
    asset = add_image()
    settings.MEDIA_ROOT = str(media / "unmounted")
    left, message = messages_of(run(editor, "compute_hashes", asset))
    assert left == "1 image was left as it was: not reached before the run ended."
    assert "The storage cannot be reached" in message
    assert ImageAsset.objects.never_tried().count() == 1


def test_queryset_of_the_site_may_be_distinct(editor, add_image, monkeypatch):
    assets = [add_image("a.png"), add_image("b.png")]
    model_admin = admin.site.get_model_admin(ImageAsset)
    monkeypatch.setattr(model_admin, "get_queryset", lambda _: ImageAsset.objects.distinct().order_by("-pk"))
    run(editor, "compute_hashes", *assets)
    assert ImageAsset.objects.hashed().count() == 2
    editor.post(address("recompute", assets[0].pk))
    assert ImageAsset.objects.hashed().count() == 2


def test_hash_waiting_page_counts_waiting_images(editor, add_image):
    add_image("a.jpg")
    add_image("b.jpg")
    assert "2 images are waiting. They will be hashed while you wait." in editor.get(address("hash_waiting")).text


def test_hash_waiting_page_has_no_button_when_nothing_waits(editor, add_image):
    add_image(hash_error="broken")
    text = editor.get(address("hash_waiting")).text
    assert "No image is waiting" in text
    assert 'type="submit" value="Hash all waiting"' not in text


def test_hash_waiting_page_announces_the_limit_without_a_queue(editor, add_image, settings):
    settings.HASHING = {"ACTION_LIMIT": 1}
    add_image("a.jpg")
    add_image("b.jpg")
    assert "The first 1 of them" in editor.get(address("hash_waiting")).text


def test_hash_waiting_skips_failed_images(editor, add_image):
    add_image("a.jpg")
    add_image("b.jpg", content=b"no picture")
    failed = add_image("c.jpg", hash_error="broken before")
    response = editor.post(address("hash_waiting"), follow=True)
    assert messages_of(response)[0] == "1 image was hashed."
    assert response.request["PATH_INFO"] == address("changelist")
    failed.refresh_from_db()
    assert failed.hash_error == "broken before"
    assert LogEntry.objects.get().change_message == "Hash all waiting: 1 hashed, 1 failed"


def test_recompute_page_names_the_image(editor, add_image):
    asset = add_image("birch.jpg")
    assert "birch.jpg" in editor.get(address("recompute", asset.pk)).text


def test_recompute_hashes_one_row_and_logs_it(editor, add_image):
    asset, other = add_image("a.jpg", perceptual_hash="0" * 16), add_image("b.jpg")
    response = editor.post(address("recompute", asset.pk), follow=True)
    assert messages_of(response) == ["1 image was hashed."]
    assert response.request["PATH_INFO"] == address("change", asset.pk)
    assert ImageAsset.objects.get(pk=asset.pk).perceptual_hash != "0" * 16
    assert ImageAsset.objects.get(pk=other.pk).perceptual_hash is None
    assert "Recompute hash: 1 hashed" in editor.get(address("history", asset.pk)).text


def test_recompute_of_a_broken_file_shows_a_message(editor, add_image):
    asset = add_image(content=b"no picture")
    [message] = messages_of(editor.post(address("recompute", asset.pk), follow=True))
    assert message.startswith("1 image could not be hashed")


def no_pool(*_arguments, **_keywords):
    raise AssertionError("worker processes were started")


def test_recompute_starts_no_worker_process(editor, add_image, monkeypatch):
    asset = add_image()
    monkeypatch.setattr(engine, "HashingPool", no_pool)
    editor.post(address("recompute", asset.pk))
    asset.refresh_from_db()
    assert asset.perceptual_hash
