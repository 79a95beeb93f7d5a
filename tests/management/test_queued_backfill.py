from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from hashing.backfill import run as backfill_run
from hashing.models import ImageAsset
from hashing.tasks import LOW_PRIORITY, ShardQueue, hash_shard, task_backends

pytestmark = pytest.mark.django_db


@pytest.fixture
def queue(settings):
    """A queue that records tasks and runs none."""
    kind = type(task_backends["default"]).__module__.replace("immediate", "dummy")
    settings.TASKS = {"default": {"BACKEND": f"{kind}.DummyBackend", "QUEUES": ["default", "slow"]}}
    return task_backends["default"]


def run(*arguments: str) -> int:
    try:
        call_command("backfill_hashes", "--enqueue", *arguments)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_shards_are_enqueued_and_not_hashed_here(add_image, queue, capsys):
    for number in range(5):
        add_image(f"{number}.png", seed=number)
    assert run("--shard-size", "2", "--timeout", "7", "--workers", "3") == 0
    assert capsys.readouterr().out.endswith("Enqueued: 5 images, in 3 shards.\n")
    arguments = [result.args[0] for result in queue.results]
    assert [each["size"] for each in arguments] == [2, 2, 1]
    assert {(each["timeout"], each["workers"], each["batch_size"]) for each in arguments} == {(7, 3, 50)}
    assert not ImageAsset.objects.hashed().exists()


def test_workers_use_their_own_cores_by_default(add_image, queue):
    add_image()
    assert run() == 0
    assert queue.results[0].args[0]["workers"] is None


def test_enqueued_tasks_hash_the_images(add_image, queue):
    asset = add_image()
    run("--workers", "1")
    assert hash_shard.call(*queue.results[0].args)["processed"] == 1
    asset.refresh_from_db()
    assert asset.perceptual_hash


def test_shards_have_a_low_priority(add_image, queue):
    add_image()
    run("--queue", "slow")
    assert (queue.results[0].task.priority, queue.results[0].task.queue_name) == (LOW_PRIORITY, "slow")


def test_enqueued_shards_are_reported_as_json(add_image, queue, capsys):
    add_image()
    run("--json", "-", "--no-progress")
    assert json.loads(capsys.readouterr().out) == {"status": "enqueued", "total": 1, "shards": 1, "left_out": 0}


def test_nothing_is_enqueued_when_no_row_is_pending(media, queue, capsys):
    assert run() == 0
    assert "Enqueued: 0 images, in 0 shards." in capsys.readouterr().out
    assert queue.results == []


def test_waiting_ends_at_once_when_no_row_is_pending(media, queue, capsys):
    assert run("--wait") == 0
    assert "Status: COMPLETED\nTotal assets: 0\n" in capsys.readouterr().out


def test_without_a_queue_the_shards_are_hashed_here(add_image, capsys):
    broken = add_image("broken.png", b"broken")
    add_image("fine.png")
    assert run("--shard-size", "1", "--workers", "1") == 1
    out, err = capsys.readouterr()
    assert "The settings name no task queue (TASKS): the images are hashed here." in err
    assert "Status: COMPLETED\nTotal assets: 2\nProcessed: 1\nFailed: 1\n" in out
    assert f"  - Asset {broken.pk}: " in out


def test_without_a_queue_an_outage_stops_the_run_and_marks_no_row(add_image, media, capsys, monkeypatch):
    monkeypatch.setattr(backfill_run, "RETRY_PAUSES", ())
    add_image("first.png")
    add_image("second.png")
    media.rename(media.with_name("away"))
    assert run("--workers", "1", "--shard-size", "1") == 1
    out = capsys.readouterr().out
    # The second shard is not started.
    assert "Status: PARTIAL\nTotal assets: 1\nProcessed: 0\nFailed: 0\nLeft out: 1\n" in out
    assert "  - Stopped: The storage cannot be reached" in out
    assert not ImageAsset.objects.failed().exists()


def test_limit_and_keys_restrict_what_is_enqueued(add_image, queue):
    keys = [add_image(f"{number}.png").pk for number in range(5)]
    run("--start-pk", str(keys[1]), "--limit", "2")
    [arguments] = [result.args[0] for result in queue.results]
    assert (arguments["start_pk"], arguments["end_pk"]) == (str(keys[1]), str(keys[2]))


def test_unknown_queue_is_wrong_usage(queue):
    with pytest.raises(CommandError, match="There is no task queue 'fast'; the settings have default, slow") as refusal:
        run("--queue", "fast")
    assert refusal.value.returncode == 2


def test_unreachable_queue_is_reported(add_image, queue, monkeypatch):
    add_image()

    def refuse(*_: object) -> None:
        raise ConnectionError("refused")

    monkeypatch.setattr(ShardQueue, "put", refuse)
    with pytest.raises(CommandError, match="The queue cannot be reached: ConnectionError: refused"):
        run()


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["--wait"], "--wait needs --enqueue"),
        (["--shard-size", "5"], "--shard-size needs --enqueue"),
        (["--queue", "default"], "--queue needs --enqueue"),
        (["--enqueue", "--stall-timeout", "5"], "--stall-timeout needs --wait"),
        (["--enqueue", "--dry-run"], "--dry-run is for a run on this machine"),
    ],
)
def test_options_without_the_option_they_need_are_refused(arguments, needed):
    with pytest.raises(CommandError, match=needed) as refusal:
        call_command("backfill_hashes", *arguments)
    assert refusal.value.returncode == 2
