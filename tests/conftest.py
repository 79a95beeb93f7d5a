from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db import connections, models
from django.test import TransactionTestCase

from hashing.models import ImageAsset
from hashing.sources.registry import forget_sources, register, unregister
from samples.pictures import encoded, photo
from servers.site import Site, migrate_database, site_database
from tests.site_models.models import Photo, Scan

LABELS = [
    "site_models.Photo.original",
    "site_models.Product.front",
    "site_models.Product.back",
    "site_models.Picture.image",
    "site_models.Scan.file",
]

DATABASE_FIXTURES = {"db", "transactional_db", "migrated_database"}

AddImage = Callable[..., ImageAsset]

# On a busy machine, a slow example proves nothing.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "run only the tests that depend on the database, and none in a browser"
    parser.addoption("--only-database", action="store_true", help=text)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("only_database"):
        chosen = {item: uses_database(item) for item in items}
        config.hook.pytest_deselected(items=[item for item in items if not chosen[item]])
        items[:] = [item for item in items if chosen[item]]


def uses_database(item: pytest.Item) -> bool:
    markers, fixtures = {marker.name for marker in item.iter_markers()}, set(item.fixturenames)
    if "any_database" in markers or "browser" in fixtures:
        return False
    is_marked = bool(markers & {"django_db", "own_database"} or fixtures & DATABASE_FIXTURES)
    return is_marked or issubclass(getattr(item, "cls", None) or object, TransactionTestCase)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test if this machine lacks a program that it needs, or fail it on a CI server."""
    for marker in item.iter_markers("needs"):
        program, find = marker.args
        if not find():
            report = pytest.fail if os.environ.get("CI") else pytest.skip
            report(f"needs {program}", pytrace=False)


@pytest.fixture
def media(settings, tmp_path) -> Path:
    """An empty media root."""
    folder = tmp_path / "media"
    folder.mkdir()
    settings.MEDIA_ROOT = str(folder)
    return folder


@pytest.fixture
def add_image(media, db) -> AddImage:
    """Add a row whose file is a small photograph, has these bytes, or is missing (`content=None`)."""

    def add(name: str = "photo.jpg", content: bytes | None = b"photo", seed: int = 1, **fields) -> ImageAsset:
        path = media / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content == b"photo":
            photo(seed=seed, size=(160, 120)).save(path)
        elif content is not None:
            path.write_bytes(content)
        # Without the signals that hash an upload.
        return ImageAsset.objects.bulk_create([ImageAsset(image=name, **fields)])[0]

    return add


@pytest.fixture
def object_store():
    """A local S3 server."""
    # The import takes a second.
    from servers.s3 import ObjectStore

    store = ObjectStore()
    store.start()
    yield store
    store.stop()


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory) -> Iterator[str]:
    """The URL of a database without rows. To copy it takes a tenth of the time of migrating another one."""
    with site_database(tmp_path_factory.mktemp("template")) as url:
        migrate_database(url)
        yield url


@pytest.fixture
def site(tmp_path, migrated_database) -> Iterator[Site]:
    """A site with its own database, run in other processes."""
    with site_database(tmp_path, migrated_database) as url:
        made = Site.create_in(tmp_path, url)
        yield made
        made.end_all()


@pytest.fixture
def made_model() -> Iterator[Callable[..., type[models.Model]]]:
    """Create a model, and its table in the database `using`. For tests with `transaction=True`."""
    made = []

    def make(name: str, fields: dict[str, Any], using: str | None = "default", **options: Any) -> type[models.Model]:
        meta = type("Meta", (), {"app_label": "hashing", **options})
        model = type(name, (models.Model,), {"__module__": __name__, "Meta": meta, **fields})
        made.append((model, using))
        if using:
            with connections[using].schema_editor() as editor:
                editor.create_model(model)
        return model

    yield make
    for model, using in made:
        if using == "default":
            with connections[using].schema_editor() as editor:
                editor.delete_model(model)
        del apps.all_models["hashing"][model._meta.model_name]
    apps.clear_cache()


@pytest.fixture
def bind_mount() -> Iterator[Callable[[Path, Path], None]]:
    """Mount a folder at a second path until the test ends."""
    mounted: list[Path] = []

    def mount(source: Path, target: Path) -> None:
        target.mkdir()
        if os.geteuid() != 0:
            pytest.skip("only root can mount")
        done = subprocess.run(["mount", "--bind", source, target], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
        mounted.append(target)

    yield mount
    for target in mounted:
        subprocess.run(["umount", target], check=True)


@pytest.fixture
def listen():
    """Connect a receiver until the test ends, or without one, return a list of the arguments that are sent."""
    connected = []

    def connect(signal, receiver=None):
        sent = []
        chosen = receiver or (lambda sender, signal, **arguments: sent.append(arguments))
        signal.connect(chosen, weak=False)
        connected.append((signal, chosen))
        return sent

    yield connect
    for signal, receiver in connected:
        assert signal.disconnect(receiver)


def refuse(sender, **arguments):
    raise RuntimeError("the receiver is broken")


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the storage of `Scan`."""
    folder = tmp_path / "archive"
    folder.mkdir()
    monkeypatch.setattr(Scan._meta.get_field("file"), "storage", FileSystemStorage(location=folder))
    return folder


@pytest.fixture
def sources(settings: Any, media: Path, db: None) -> Iterator[Callable[..., None]]:
    """Set the sources of the site."""

    def choose(*labels: str, **others: Any) -> None:
        settings.HASHING = {"SOURCES": list(labels), "ON_UPLOAD": "off", **others}

    choose(*LABELS)
    yield choose
    forget_sources()


@pytest.fixture
def register_source() -> Iterator[Callable[..., Any]]:
    """Register classes of sources until the end of the test."""
    labels: list[str] = []

    def register_labels(*given: str) -> Callable[..., Any]:
        labels.extend(given)
        return register(*given)

    yield register_labels
    unregister(*labels)


@pytest.fixture
def hashed_photo(sources: Any, django_capture_on_commit_callbacks: Any) -> Callable[..., Photo]:
    """Add a photo and hash it."""
    sources("site_models.Photo.original", ON_UPLOAD="inline")

    def add(title: str = "", content: bytes | None = None) -> Photo:
        file = ContentFile(content or encoded(photo(size=(160, 120)), "JPEG"), "here.jpg")
        with django_capture_on_commit_callbacks(execute=True):
            return Photo.objects.create(title=title, original=file)

    return add
