from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied

from hashing.admin.hashing_actions import tasks
from hashing.admin.images.admin import ImageAssetAdmin
from hashing.models import ImageAsset
from hashing.tasks import task_backends
from tests.admin.conftest import address, messages_of

OLD = "0123456789abcdef"


def run(client, action: str, *assets: ImageAsset, query: str = "", across: bool = False):
    keys = [asset.pk for asset in assets]
    data = {"index": 0, "action": action, "_selected_action": keys, "select_across": "1" if across else "0"}
    return client.post(address("changelist") + query, data, follow=True)


def hashes() -> list[str | None]:
    return list(ImageAsset.objects.order_by("pk").values_list("perceptual_hash", flat=True))


@pytest.fixture
def small_ranges(monkeypatch):
    monkeypatch.setattr(tasks, "SHARD_SIZE", 2)


@pytest.fixture
def queue(settings):
    """Takes tasks and runs none."""
    kind = type(task_backends["default"]).__module__.replace("immediate", "dummy")
    settings.TASKS = {"default": {"BACKEND": f"{kind}.DummyBackend"}}
    return task_backends["default"]


def test_hashes_the_selected_rows_alone(editor, add_image):
    first, _second = add_image("a.jpg"), add_image("b.jpg")
    response = run(editor, "compute_hashes", first)
    assert messages_of(response) == ["1 image was hashed."]
    assert [bool(value) for value in hashes()] == [True, False]


def test_counts_what_was_hashed_failed_and_left(editor, add_image):
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
    assert left == "1 image was left unchanged."
    assert hashes()[3] == OLD


def test_nothing_selected_does_nothing(editor, add_image):
    add_image()
    assert "must be selected" in messages_of(run(editor, "compute_hashes"))[0]
    assert hashes() == [None]
    assert not LogEntry.objects.exists()


def test_recompute_replaces_a_hash(editor, add_image):
    asset = add_image(perceptual_hash=OLD)
    assert messages_of(run(editor, "recompute_hashes", asset)) == ["1 image was hashed."]
    assert hashes()[0] not in {None, OLD}


def test_all_matching_takes_the_filter_along(editor, add_image):
    trees = [add_image(f"tree{number}.jpg", seed=number) for number in range(3)]
    add_image("car.jpg")
    response = run(editor, "compute_hashes", trees[0], query="?q=tree", across=True)
    assert messages_of(response) == ["3 images were hashed."]
    assert [bool(value) for value in hashes()] == [True, True, True, False]


def test_a_thousand_rows(editor, add_image):
    asset = add_image("same.jpg")
    ImageAsset.objects.bulk_create([ImageAsset(image="same.jpg") for _ in range(999)])
    assert messages_of(run(editor, "compute_hashes", asset, across=True)) == ["1000 images were hashed."]
    assert len(set(hashes())) == 1


def test_without_a_queue_a_long_run_does_what_it_may_and_says_so(editor, add_image, settings):
    settings.HASHING = {"ACTION_LIMIT": 2}
    rows = [add_image(f"{number}.jpg") for number in range(3)]
    hashed, rest = messages_of(run(editor, "compute_hashes", *rows))
    assert hashed == "2 images were hashed."
    assert "There are more than 2 images to hash" in rest
    assert [bool(value) for value in hashes()] == [True, True, False]


def work_off(queue) -> None:
    """Run what is in the queue, and what that puts into it."""
    done = 0
    while done < len(queue.results):
        result = queue.results[done]
        result.task.call(*result.args, **result.kwargs)
        done += 1


@pytest.mark.parametrize("across", [True, False])
def test_long_run_goes_to_the_queue_in_key_ranges(editor, add_image, settings, queue, small_ranges, across):
    settings.HASHING = {"ACTION_LIMIT": 2}
    rows = [add_image(f"tree{number}.jpg") for number in range(3)]
    add_image("car.jpg")
    response = run(editor, "compute_hashes", *rows, query="?q=tree", across=across)
    [message] = messages_of(response)
    assert message.startswith("These are more than 2 images. They are being hashed in the background.")
    assert f'href="{address("progress")}"' in message
    assert hashes() == [None] * 4
    assert len(queue.results) == 1
    work_off(queue)
    assert len(queue.results) == 1 + 2
    assert [bool(value) for value in hashes()] == [True, True, True, False]


@pytest.mark.parametrize("limit", [1, 1000], ids=["queue", "at once"])
def test_ticked_rows_are_not_all_that_the_filter_shows(editor, add_image, settings, queue, small_ranges, limit):
    settings.HASHING = {"ACTION_LIMIT": limit}
    rows = [add_image(f"tree{number}.jpg") for number in range(4)]
    run(editor, "compute_hashes", rows[0], rows[2], query="?q=tree")
    work_off(queue)
    assert [bool(value) for value in hashes()] == [True, False, True, False]


@pytest.mark.parametrize("across", [True, False])
def test_queued_run_keeps_to_the_rows_that_the_admin_shows(
    editor, add_image, settings, queue, small_ranges, monkeypatch, across
):
    settings.HASHING = {"ACTION_LIMIT": 1}
    rows = [add_image(f"{number}.jpg") for number in range(4)]
    run(editor, "compute_hashes", *rows, across=across)
    show_all = ImageAssetAdmin.get_queryset
    # Since then, the user may see fewer of them.
    monkeypatch.setattr(ImageAssetAdmin, "get_queryset", lambda *args: show_all(*args).exclude(image="2.jpg"))
    work_off(queue)
    assert [bool(value) for value in hashes()] == [True, True, False, True]


@pytest.mark.parametrize("across", [True, False])
def test_queue_that_is_away_is_a_message(editor, add_image, settings, queue, monkeypatch, across):
    def refuse(*_arguments, **_options):
        raise ConnectionError("Connection refused")

    settings.HASHING = {"ACTION_LIMIT": 1}
    monkeypatch.setattr(type(queue), "enqueue", refuse)
    rows = [add_image(f"{number}.jpg") for number in range(2)]
    [message] = messages_of(run(editor, "compute_hashes", *rows, across=across))
    assert message.startswith("The queue cannot be reached, so nothing was started.")
    assert hashes() == [None] * 2
    assert not LogEntry.objects.exists()


def test_long_run_is_one_entry_of_the_history(editor, add_image, settings, queue, small_ranges):
    settings.HASHING = {"ACTION_LIMIT": 2}
    run(editor, "compute_hashes", *(add_image(f"{number}.jpg") for number in range(3)))
    work_off(queue)
    assert LogEntry.objects.get().change_message == "Compute perceptual hashes: in the background"


def test_somebody_who_may_no_more_is_refused_when_the_run_is_cut(editor, add_image, settings, queue):
    settings.HASHING = {"ACTION_LIMIT": 1}
    run(editor, "compute_hashes", add_image("a.jpg"), add_image("b.jpg"))
    LogEntry.objects.get().user.user_permissions.clear()
    with pytest.raises(PermissionDenied):
        work_off(queue)
    assert len(queue.results) == 1
    assert hashes() == [None, None]


def test_every_run_is_in_the_history(editor, add_image):
    run(editor, "compute_hashes", add_image())
    entry = LogEntry.objects.get()
    assert entry.user.username == "editor"
    assert entry.change_message == "Compute perceptual hashes: 1 hashed, 0 failed"
    assert editor.get("/admin/").status_code == 200


def test_storage_that_is_gone_is_told_and_marks_nothing(editor, add_image, settings, media):
    asset = add_image()
    settings.MEDIA_ROOT = str(media / "unmounted")
    left, message = messages_of(run(editor, "compute_hashes", asset))
    assert left == "1 image was left unchanged."
    assert "The storage cannot be reached" in message
    assert ImageAsset.objects.never_tried().count() == 1


def test_site_whose_admin_asks_for_distinct_rows_is_served(editor, add_image, monkeypatch):
    assets = [add_image("a.png"), add_image("b.png")]
    model_admin = admin.site.get_model_admin(ImageAsset)
    monkeypatch.setattr(model_admin, "get_queryset", lambda _: ImageAsset.objects.distinct().order_by("-pk"))
    run(editor, "compute_hashes", *assets)
    assert ImageAsset.objects.hashed().count() == 2
    editor.post(address("recompute", assets[0].pk))
    assert ImageAsset.objects.hashed().count() == 2
