"""What remains at a site after `uninstall_hashing`."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connection, models

from hashing.management.commands.uninstall_hashing import own_tables
from hashing.models import ImageAsset
from hashing.previews.reading import read_preview

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def used_site(add_image, settings) -> Iterator[ImageAsset]:
    """A site that has used the app: an image with previews, permissions that were given, and entries of the history."""
    settings.HASHING = {"ON_UPLOAD": "off"}
    asset = add_image()
    read_preview(asset, 160)
    user = User.objects.create_user("editor")
    editors = Group.objects.create(name="editors")
    editors.permissions.set(Permission.objects.filter(codename__in=["view_imageasset", "view_group"]))
    for model in (ImageAsset, Group):
        content_type = ContentType.objects.get_for_model(model)
        LogEntry.objects.create(user=user, content_type=content_type, object_id="1", action_flag=CHANGE)
    yield asset
    ContentType.objects.clear_cache()
    call_command("migrate", verbosity=0)


def uninstall(*options: str) -> str:
    output = StringIO()
    call_command("uninstall_hashing", *options, stdout=output)
    return output.getvalue()


def test_only_the_images_remain(used_site, media):
    others = set(connection.introspection.table_names()) - set(own_tables("default"))
    output = uninstall("--no-input")
    assert "1 previews" in output
    assert "1 entries in the history" in output
    assert set(connection.introspection.table_names()) == others
    assert not ContentType.objects.filter(app_label="hashing").exists()
    assert list(Group.objects.get().permissions.values_list("codename", flat=True)) == ["view_group"]
    assert LogEntry.objects.get().content_type.model == "group"
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_migrations WHERE app = 'hashing'")
        assert cursor.fetchone() == (0,)
    assert [path.name for path in media.rglob("*")] == ["photo.jpg"]


def test_second_run_finds_nothing(used_site):
    uninstall("--no-input")
    assert "0 tables of the database 'default'" in uninstall("--no-input")


def test_other_files_among_the_previews_stay(used_site, media):
    [preview] = (media / ".previews").rglob("*.jpg")
    other = preview.with_name("notes.txt")
    other.write_text("")
    uninstall("--no-input")
    assert (preview.exists(), other.exists()) == (False, True)


def test_tasks_in_the_database_are_removed(site):
    site.environment["TASK_QUEUE"] = "database"
    site.add_photos(1)
    assert site.run("backfill_hashes", "--enqueue").returncode == 0
    tasks = {"columns": "task_path", "table": "django_tasks_database_dbtaskresult", "order": ""}
    assert site.rows(**tasks) == [("hashing.tasks.hash_shard",)]
    done = site.run("uninstall_hashing", "--no-input")
    assert "1 tasks and results" in done.stdout
    assert site.rows(**tasks) == []


@pytest.mark.parametrize("answer", ["", "no", "y"])
def test_everything_stays_without_confirmation(used_site, media, monkeypatch, answer):
    monkeypatch.setattr("builtins.input", lambda _prompt: answer)
    with pytest.raises(CommandError, match="Nothing was removed"):
        uninstall()
    assert ImageAsset.objects.get() == used_site
    assert list((media / ".previews").rglob("*.jpg"))
    assert ContentType.objects.filter(app_label="hashing").exists()


def test_confirmation_removes_everything(used_site, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda _prompt: "yes")
    uninstall()
    assert own_tables("default") == []


def test_refused_while_sources_are_set(used_site, settings):
    settings.HASHING = {"SOURCES": ["site_models.Picture.image"]}
    with pytest.raises(CommandError, match=r"site_models\.Picture\.image"):
        uninstall("--no-input")
    assert ImageAsset.objects.exists()


@pytest.fixture
def article() -> Iterator[None]:
    """A model of the site that refers to images."""
    fields = {"cover": models.ForeignKey(ImageAsset, models.CASCADE, related_name="+"), "__module__": __name__}
    type("Article", (models.Model,), {**fields, "Meta": type("Meta", (), {"app_label": "site_models"})})
    yield
    del apps.all_models["site_models"]["article"]
    apps.clear_cache()


def test_refused_while_other_models_refer_to_the_app(used_site, article):
    with pytest.raises(CommandError, match=r"site_models\.Article"):
        uninstall("--no-input")
    assert own_tables("default")
