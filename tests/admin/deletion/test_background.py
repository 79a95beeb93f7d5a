from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.db import OperationalError

from hashing.admin.deletion import tasks, views
from hashing.admin.deletion.tasks import work_off
from hashing.admin.images.admin import ImageAssetAdmin
from hashing.models import DeletionRun, ImageAsset
from hashing.tasks import LOW_PRIORITY, task_backends
from tests.admin.conftest import address, fields_of, messages_of

JSON = {"Accept": "application/json"}

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]


@pytest.fixture
def queue(settings):
    """A queue that only stores its tasks, for more than three images."""
    kind = type(task_backends["default"]).__module__.replace("immediate", "dummy")
    settings.TASKS = {"default": {"BACKEND": f"{kind}.DummyBackend"}}
    settings.HASHING = {"ACTION_LIMIT": 3}
    return task_backends["default"]


@pytest.fixture
def slices(monkeypatch):
    """Delete two rows in each slice of the work."""
    monkeypatch.setattr(views, "BATCH", 2)
    monkeypatch.setattr(tasks, "SECONDS_BETWEEN_WRITES", 0.0)


def add_rows(count: int) -> list[ImageAsset]:
    return ImageAsset.objects.bulk_create([ImageAsset(image=f"{number:05}.jpg") for number in range(count)])


def ask(client, count: int = 5):
    rows = add_rows(count)
    return client.post(
        address("changelist"), {"action": "delete_selected", "_selected_action": rows[0].pk, "select_across": 1}
    )


def start(client, count: int = 5):
    return client.post(address("changelist"), fields_of(ask(client, count)) | {"background": "yes"}, follow=True)


def run_of(page) -> DeletionRun:
    return DeletionRun.objects.get(pk=page.context["run"].pk)


def test_many_images_are_deleted_by_a_task(superuser, queue, slices):
    page = start(superuser)
    run, [result] = run_of(page), queue.results
    assert (result.args, result.task.priority) == ([run.pk], LOW_PRIORITY)
    assert "waits for the task queue" in page.text
    assert ImageAsset.objects.count() == 5
    work_off(run.pk)
    assert not ImageAsset.objects.exists()
    page = superuser.get(address("deletion", run.pk))
    for text in ("The deletion is complete", "5 of 5", "100 %", "5 images deleted"):
        assert text in page.text


def test_few_images_are_deleted_in_the_page(superuser, queue):
    page = ask(superuser, 3)
    assert "in the background" not in page.text
    superuser.post(address("changelist"), fields_of(page) | {"background": "yes"})
    assert (DeletionRun.objects.count(), ImageAsset.objects.count()) == (0, 0)


def test_without_a_queue_images_are_deleted_in_the_page(superuser, settings):
    settings.HASHING = {"ACTION_LIMIT": 3}
    assert "in the background" not in ask(superuser).text


def test_user_may_choose_the_page(superuser, queue):
    page = ask(superuser)
    assert "Delete them in this page" in page.text
    superuser.post(address("changelist"), fields_of(page))
    assert (DeletionRun.objects.count(), ImageAsset.objects.count()) == (0, 0)


def test_unreachable_queue_is_reported_and_nothing_is_lost(superuser, queue, monkeypatch):
    monkeypatch.setattr(type(queue), "enqueue", refuse)
    page = start(superuser)
    assert "5 images left: <bdi>The queue cannot be reached, so nothing was started." in page.text
    assert ImageAsset.objects.count() == 5
    monkeypatch.undo()
    superuser.post(address("deletion", run_of(page).pk), {"again": "yes"})
    work_off(run_of(page).pk)
    assert not ImageAsset.objects.exists()


def refuse(*_arguments):
    raise ConnectionError("no answer")


def test_run_is_continued_in_the_page(superuser, queue, monkeypatch):
    monkeypatch.setattr(type(queue), "enqueue", refuse)
    run = run_of(start(superuser))
    page = superuser.post(address("deletion", run.pk), {"here": "yes"})
    assert not DeletionRun.objects.exists()
    done = superuser.post(address("changelist"), fields_of(page), follow=True)
    assert messages_of(done) == ["Successfully deleted 5 images."]


def test_waiting_run_is_stopped_at_once(superuser, queue):
    run = run_of(start(superuser))
    page = superuser.post(address("deletion", run.pk), {"stop": "yes"}, follow=True)
    assert "The deletion was stopped, with 5 images left." in page.text
    work_off(run.pk)
    assert ImageAsset.objects.count() == 5


def test_running_deletion_is_stopped_after_its_batch(superuser, queue, slices, monkeypatch):
    run = run_of(start(superuser))
    delete = ImageAssetAdmin.delete_queryset

    def delete_and_stop(*arguments):
        delete(*arguments)
        superuser.post(address("deletion", run.pk), {"stop": "yes"})

    monkeypatch.setattr(ImageAssetAdmin, "delete_queryset", delete_and_stop)
    work_off(run.pk)
    page = superuser.get(address("deletion", run.pk))
    assert "The deletion was stopped, with 3 images left." in page.text
    assert "2 of 5" in page.text
    assert ImageAsset.objects.count() == 3


@pytest.mark.parametrize(
    "revoke",
    [
        lambda user: user.user_permissions.clear(),
        lambda _user: User.objects.update(is_active=False),
        lambda _user: User.objects.update(is_staff=False),
        lambda user: User.objects.filter(pk=user.pk).delete(),
    ],
    ids=["permission", "inactive", "no staff", "deleted"],
)
def test_permission_is_asked_again_when_the_task_runs(client_of, queue, revoke):
    client = client_of("editor")
    user = User.objects.get(username="editor")
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_imageasset", "delete_imageasset"]))
    run = run_of(start(client))
    revoke(user)
    work_off(run.pk)
    run.refresh_from_db()
    assert (run.error, ImageAsset.objects.count()) == ("You may no longer delete these images.", 5)


def test_rows_that_became_hidden_stay(superuser, queue, monkeypatch):
    run = run_of(start(superuser))
    hidden = ImageAsset.objects.first().pk
    show_all = ImageAssetAdmin.get_queryset
    monkeypatch.setattr(ImageAssetAdmin, "get_queryset", lambda *args: show_all(*args).exclude(pk=hidden))
    work_off(run.pk)
    assert ImageAsset.objects.get().pk == hidden
    assert "1 image stays" in superuser.get(address("deletion", run.pk)).text


class Killed(BaseException):
    """The process ends here, as after kill -9."""


def test_killed_run_is_found_and_continued(superuser, queue, slices, monkeypatch):
    run = run_of(start(superuser))
    delete, batches = ImageAssetAdmin.delete_queryset, []

    def delete_and_die(*arguments):
        batches.append(arguments)
        if len(batches) == 2:
            raise Killed
        delete(*arguments)

    monkeypatch.setattr(ImageAssetAdmin, "delete_queryset", delete_and_die)
    with pytest.raises(Killed):
        work_off(run.pk)
    monkeypatch.undo()
    # The queue may deliver the task again while it is not known that its process is gone.
    work_off(run.pk)
    assert ImageAsset.objects.count() == 3
    DeletionRun.objects.update(heartbeat_at="2020-01-01T00:00Z")
    page = superuser.get(address("deletion", run.pk))
    assert "seems to have been interrupted, with 3 images left" in page.text
    superuser.post(address("deletion", run.pk), {"again": "yes"})
    work_off(run.pk)
    assert not ImageAsset.objects.exists()
    assert "5 images deleted" in superuser.get(address("deletion", run.pk)).text


def test_error_of_the_database_ends_the_run_with_the_rest_left(superuser, queue, slices, monkeypatch):
    run = run_of(start(superuser))

    def fail(*_arguments):
        raise OperationalError("disk full")

    monkeypatch.setattr(ImageAssetAdmin, "delete_queryset", fail)
    monkeypatch.setattr("hashing.admin.deletion.policy.retry_transient", lambda function, _using: function())
    work_off(run.pk)
    page = superuser.get(address("deletion", run.pk))
    assert "5 images left: <bdi>disk full" in page.text
    assert "Continue in the background" in page.text


def test_run_belongs_to_its_user(superuser, client_of, queue):
    run = run_of(start(superuser))
    other = client_of("editor")
    permissions = Permission.objects.filter(codename__in=["view_imageasset", "delete_imageasset"])
    User.objects.get(username="editor").user_permissions.set(permissions)
    assert other.get(address("deletion", run.pk)).status_code == 404
    assert other.post(address("deletion", run.pk), {"stop": "yes"}).status_code == 404
    User.objects.get(username="editor").user_permissions.clear()
    assert other.get(address("deletion", run.pk)).status_code == 403


def test_script_gets_the_progress_of_a_run(superuser, queue):
    run = run_of(start(superuser))
    answer = superuser.get(address("deletion", run.pk), headers=JSON).json()
    assert answer["isActive"]
    assert "0 of 5" in answer["html"]
    work_off(run.pk)
    assert not superuser.get(address("deletion", run.pk), headers=JSON).json()["isActive"]


def test_old_runs_are_deleted(superuser, queue):
    DeletionRun.objects.create(job={}, total=1, queued_at="2020-01-01T00:00Z")
    run = run_of(start(superuser))
    assert list(DeletionRun.objects.all()) == [run]
