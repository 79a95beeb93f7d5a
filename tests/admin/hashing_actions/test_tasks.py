from __future__ import annotations

import json

import pytest
from django.contrib.admin import AdminSite, site
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from hashing.admin.hashing_actions import tasks
from hashing.admin.hashing_actions.selection import Selection
from hashing.admin.hashing_actions.tasks import QueuedSelection, hash_selected_shard, hash_selection
from hashing.admin.images.admin import ImageAssetAdmin
from hashing.models import BackfillRun, ImageAsset
from hashing.tasks import LOW_PRIORITY, hash_upload, task_backends
from tests.admin.conftest import make_user

OLD = "0123456789abcdef"


@pytest.fixture
def user(db) -> User:
    return make_user("editor")


@pytest.fixture
def select(user, monkeypatch):
    monkeypatch.setattr(tasks, "SHARD_SIZE", 2)

    def make(query: str = "", keys: list[str] | None = None, rehash: bool = False) -> QueuedSelection:
        return QueuedSelection.of(user, site, Selection(query, keys), rehash=rehash)

    return make


def add_rows(count: int, **fields) -> list[int]:
    rows = ImageAsset.objects.bulk_create([ImageAsset(image=f"photo{n}.jpg", **fields) for n in range(count)])
    return [row.pk for row in rows]


def shards_of(selection: QueuedSelection) -> list[tuple[int, int]]:
    return [(found.start_pk, found.end_pk) for found in selection.shards()]


def test_shards_contain_pending_rows(select):
    a, b = add_rows(2, perceptual_hash=OLD)
    c, d, e = add_rows(3)
    assert shards_of(select()) == [(c, d), (e, e)]
    assert shards_of(select(rehash=True)) == [(a, b), (c, d), (e, e)]


def test_shards_contain_only_selected_rows(select):
    a, b, c, d = add_rows(4)
    assert shards_of(select(keys=[str(a), str(b), str(d)])) == [(a, b), (d, d)]
    assert shards_of(select(query="q=photo2")) == [(c, c)]


def test_shard_hashes_the_selected_rows_between_its_keys(select, add_image):
    first, second, car, third = (add_image(name) for name in ("tree1.jpg", "tree2.jpg", "car.jpg", "tree3.jpg"))
    report = select(query="q=tree").hash_shard(str(second.pk), str(third.pk))
    assert (report.total, report.processed) == (2, 2)
    assert set(ImageAsset.objects.unhashed()) == {first, car}


@pytest.mark.parametrize("fields", [{"perceptual_hash": OLD}, {"content": b"no picture"}], ids=["rehash", "failed"])
def test_shard_can_run_twice(select, add_image, fields):
    key = str(add_image(**fields).pk)
    selection = select(rehash="perceptual_hash" in fields)
    assert [selection.hash_shard(key, key).total for _ in range(2)] == [1, 0]


@pytest.mark.parametrize("chosen", ["keys", "query"])
def test_shards_contain_only_rows_that_the_admin_shows(select, add_image, monkeypatch, chosen):
    a, b, c, d = (add_image(f"photo{number}.jpg").pk for number in range(4))
    show_all = ImageAssetAdmin.get_queryset
    monkeypatch.setattr(ImageAssetAdmin, "get_queryset", lambda *args: show_all(*args).exclude(pk=c))
    selection = select(keys=[str(key) for key in (a, b, c, d)]) if chosen == "keys" else select(query="q=photo")
    assert shards_of(selection) == [(a, b), (d, d)]
    selection.hash_shard(str(a), str(d))
    assert ImageAsset.objects.never_tried().get().pk == c


def test_row_tried_after_the_selection_is_left_alone(select, add_image):
    selection = select(rehash=True)
    asset = add_image(perceptual_hash=OLD, hashed_at=timezone.now())
    assert selection.hash_shard(str(asset.pk), str(asset.pk)).total == 0


def test_shard_is_recorded_as_a_run(select, add_image):
    key = str(add_image().pk)
    select().hash_shard(key, key)
    record = BackfillRun.objects.get()
    assert (record.start_pk, record.end_pk, record.processed) == (key, key, 1)


@pytest.mark.parametrize(
    "revoke",
    [
        pytest.param(lambda user: user.user_permissions.clear(), id="without permission"),
        pytest.param(lambda _user: User.objects.update(is_active=False), id="gone"),
        pytest.param(lambda _user: User.objects.update(is_staff=False), id="no longer staff"),
    ],
)
def test_selection_is_refused_after_the_user_lost_the_permission(select, user, add_image, revoke):
    key, selection = str(add_image().pk), select()
    revoke(user)
    with pytest.raises(PermissionDenied):
        selection.hash_shard(key, key)
    with pytest.raises(PermissionDenied):
        selection.shards()
    assert ImageAsset.objects.never_tried().count() == 1


def test_arguments_survive_the_queue(select):
    selection = select("q=tree", ["1", "2"], rehash=True)
    assert QueuedSelection(**json.loads(json.dumps(selection.as_arguments()))) == selection


@pytest.fixture
def queue(settings):
    """Return a queue that only stores its tasks."""
    kind = type(task_backends["default"]).__module__.replace("immediate", "dummy")
    settings.TASKS = {"default": {"BACKEND": f"{kind}.DummyBackend"}}
    return task_backends["default"]


@pytest.fixture
def everything(db) -> dict[str, object]:
    """Return the arguments of a selection of all images."""
    return QueuedSelection.of(User.objects.create_superuser("editor"), site, Selection(), rehash=False).as_arguments()


@pytest.mark.django_db(transaction=True)
def test_shards_have_a_lower_priority_than_uploads(everything, queue, add_image):
    key = str(add_image().pk)
    assert hash_selection.call(everything) == 1
    [result] = queue.results
    assert result.args == [everything, key, key]
    assert result.task.priority == LOW_PRIORITY < hash_upload.priority


@pytest.mark.django_db(transaction=True)
def test_selection_without_pending_rows_enqueues_nothing(everything, queue):
    assert hash_selection.call(everything) == 0
    assert not queue.results


@pytest.mark.django_db(transaction=True)
def test_result_of_a_shard_has_counts_and_the_first_errors(everything, add_image):
    good, bad = add_image(), add_image("bad.jpg", content=b"no picture")
    result = hash_selected_shard.call(everything, str(good.pk), str(bad.pk))
    assert (result["status"], result["processed"], result["failed"]) == ("completed", 1, 1)
    assert result["errors"][0].startswith(f"Asset {bad.pk}: ")


@pytest.mark.django_db(transaction=True)
def test_selection_is_hashed_without_a_queue(everything, add_image):
    asset = add_image()
    hash_selection.call(everything)
    asset.refresh_from_db()
    assert asset.perceptual_hash


class NewestOnly(ImageAssetAdmin):
    def get_queryset(self, request):
        return super().get_queryset(request).filter(image="photo1.jpg")


def test_selection_is_of_the_admin_site_in_which_it_was_made(user):
    annex = AdminSite("annex")
    annex.register(ImageAsset, NewestOnly)
    _first, second = add_rows(2)
    selection = QueuedSelection.of(user, annex, Selection(), rehash=False)
    assert shards_of(selection) == [(second, second)]
    annex.unregister(ImageAsset)
    with pytest.raises(PermissionDenied):
        selection.shards()
