from __future__ import annotations

import os
import signal
from pathlib import Path
from random import Random

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from hashing.importing import walk
from hashing.models import ImageAsset
from samples.pictures import photo
from servers.site import Site, wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two photographs and a note."""
    made = tmp_path / "pictures"
    (made / "sub").mkdir(parents=True)
    photo(seed=1, size=(64, 48)).save(made / "one.jpg")
    photo(seed=2, size=(64, 48)).save(made / "sub" / "two.png")
    (made / "note.txt").write_text("no picture")
    return made


def names() -> list[str]:
    return list(ImageAsset.objects.order_by("image").values_list("image", flat=True))


def contents() -> list[bytes]:
    return [Path(default_storage.path(name)).read_bytes() for name in names()]


def run(folder: Path, *arguments: str) -> None:
    call_command("import_images", str(folder), *arguments)


def test_images_are_copied_and_other_files_reported(media, folder, capsys):
    run(folder)
    assert [name.rpartition("/")[2] for name in names()] == ["one.jpg", "two.png"]
    assert contents() == [(folder / "one.jpg").read_bytes(), (folder / "sub" / "two.png").read_bytes()]
    output = capsys.readouterr()
    assert output.out == ("Registered: 2\nRegistered before: 0\nLeft out: 1\n  - not named as an image: 1 (note.txt)\n")
    assert "Importing: 3" in output.err


def test_second_import_adds_new_files_only(media, folder, capsys):
    run(folder)
    photo(seed=3, size=(64, 48)).save(folder / "three.jpg")
    run(folder)
    assert "Registered: 1\nRegistered before: 2\n" in capsys.readouterr().out
    assert ImageAsset.objects.count() == 3


def test_in_place_registers_without_copying(media, capsys):
    photo(size=(64, 48)).save(media / 'it\'s "here"\nnow.jpg')
    run(media, "--in-place")
    run(media, "--in-place")
    assert names() == ['it\'s "here"\nnow.jpg']
    assert len(list(media.iterdir())) == 1


def test_dry_run_copies_and_writes_nothing(media, folder, capsys):
    run(folder, "--dry-run")
    assert "Registered: 2\n" in capsys.readouterr().out
    assert names() == []
    assert list(media.iterdir()) == []


def test_incomplete_copy_is_replaced(media, folder):
    run(folder)
    half = media / names()[0]
    half.write_bytes(half.read_bytes()[:100])
    ImageAsset.objects.all().delete()
    run(folder)
    assert contents()[0] == (folder / "one.jpg").read_bytes()
    assert sum(path.is_file() for path in media.rglob("*")) == 2


def test_complete_copy_without_a_row_is_registered(media, folder):
    run(folder)
    ImageAsset.objects.all().delete()
    run(folder)
    assert len(names()) == 2
    assert sum(path.is_file() for path in media.rglob("*")) == 2


def test_other_file_under_the_same_name_is_not_overwritten(media, folder, capsys):
    run(folder)
    other = media / names()[0]
    other.write_bytes(b"something else")
    ImageAsset.objects.all().delete()
    run(folder)
    assert other.read_bytes() == b"something else"
    assert "another file is stored under its name: 1 (one.jpg)" in capsys.readouterr().out


def test_names_too_long_for_the_column_are_left_out(media, capsys):
    deep = media.joinpath(*["d" * 100] * 5)
    deep.mkdir(parents=True)
    photo(size=(64, 48)).save(deep / "x.jpg")
    run(media, "--in-place")
    assert names() == []
    assert "name of more than 500 characters: 1" in capsys.readouterr().out


def test_number_of_queries_does_not_depend_on_the_batch_size(media):
    for number in range(40):
        (media / f"{number}.jpg").touch()
    with CaptureQueriesContext(connection) as queries:
        run(media, "--in-place", "--batch-size", "20")
    assert len(queries) <= 2 * 8


def test_concurrent_imports_register_every_file_once(site: Site, tmp_path):
    source = tmp_path / "many"
    source.mkdir()
    for number in range(300):
        (source / f"{number}.jpg").write_bytes(b"x" * 100)
    imports = [site.start("import_images", str(source), "--batch-size", "20") for _ in range(2)]
    for process in imports:
        process.communicate(timeout=120)
    assert site.run("import_images", str(source)).returncode == 0
    stored = [name for name, _, _ in site.rows()]
    assert len(stored) == len(set(stored)) == 300
    assert sum(path.is_file() for path in site.media.rglob("*")) == 300


def test_unreadable_folder_is_a_failure(media, folder, monkeypatch):
    monkeypatch.setattr(walk.os, "scandir", lambda _: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(SystemExit) as end:
        run(folder)
    assert end.value.code == 1


def test_missing_table_is_reported(media, folder, monkeypatch):
    def refuse(*_arguments):
        raise OperationalError("no such table: hashing_imageasset\nLINE 1")

    with connection.execute_wrapper(refuse), pytest.raises(CommandError) as refusal:
        run(folder)
    assert str(refusal.value).startswith("The database does not answer: no such table: hashing_imageasset\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such-folder"], "There is no folder no-such-folder"),
        ([".", "--database", "elsewhere"], "There is no database 'elsewhere'"),
    ],
)
def test_wrong_usage_exits_with_2(arguments, message):
    with pytest.raises(CommandError, match=message) as refusal:
        call_command("import_images", *arguments)
    assert refusal.value.returncode == 2


@pytest.mark.parametrize("inside", ["media", ".", "media/sub"])
def test_copying_the_media_folder_into_itself_is_refused(media, tmp_path, inside):
    (tmp_path / inside).mkdir(exist_ok=True)
    with pytest.raises(CommandError, match="overlap"):
        run(tmp_path / inside)


def test_in_place_needs_a_folder_below_media_root(media, folder):
    with pytest.raises(CommandError, match="below MEDIA_ROOT"):
        run(folder, "--in-place")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to every folder")
def test_storage_that_refuses_files_ends_the_import(media, folder):
    media.chmod(0o500)
    with pytest.raises(CommandError, match="cannot be stored"):
        run(folder)


def test_storage_outage_ends_the_import(site: Site, folder):
    (site.media / "DOWN").touch()
    done = site.run("import_images", str(folder))
    assert done.returncode == 1
    assert "cannot be stored: connection refused" in done.stderr
    (site.media / "DOWN").unlink()
    assert site.run("import_images", str(folder)).returncode == 0
    assert len(site.rows()) == 2


@pytest.mark.slow
def test_signal_saves_what_is_copied(site: Site, tmp_path):
    source = tmp_path / "many"
    source.mkdir()
    for number in range(3000):
        (source / f"{number}.jpg").write_bytes(b"x" * 100)
    process = site.start("import_images", str(source), "--batch-size", "10")
    wait_until(lambda: len(site.rows()) > 20)
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    copied = sum(path.is_file() for path in site.media.rglob("*"))
    assert 20 < len(site.rows()) == copied < 3000
    assert site.run("import_images", str(source)).returncode == 0
    assert len(site.rows()) == 3000


def test_excluded_files_and_thumbnails_are_counted_by_reason(media, folder, capsys):
    (folder / "thumbs").mkdir()
    for name in ("thumbs/one.jpg", "one.jpg.64x64_q85.jpg", "draft.png"):
        (folder / name).touch()
    run(folder, "--exclude", "draft.*", "--exclude", "sub/")
    assert len(names()) == 1
    output = capsys.readouterr().out
    assert "  - excluded: 2 (" in output
    assert "  - thumbnail of another app: 2 (" in output
    run(folder, "--include-thumbnails", "--exclude=draft.png")
    assert len(names()) == 4


def test_empty_pattern_is_wrong_usage(folder):
    with pytest.raises(CommandError, match="names no file") as refusal:
        run(folder, "--exclude", "")
    assert refusal.value.returncode == 2


def test_media_folder_that_is_not_valid_unicode_is_refused(media):
    odd = Path(os.fsdecode(os.fsencode(media) + b"/\xff"))
    try:
        odd.mkdir()
    except OSError:
        pytest.skip("the file system requires names in Unicode")
    with pytest.raises(CommandError, match=r"\\udcff is not valid Unicode"):
        run(odd, "--in-place")


def test_folder_that_is_not_valid_unicode_is_copied(media, tmp_path):
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    try:
        odd.mkdir()
    except OSError:
        pytest.skip("the file system requires names in Unicode")
    (odd / "a.jpg").touch()
    run(odd)
    assert [name.rpartition("/")[2] for name in names()] == ["a.jpg"]


def test_next_import_completes_concurrent_imports_that_were_killed(site: Site, tmp_path):
    source = tmp_path / "large"
    source.mkdir()
    random = Random(1)
    for number in range(20):
        (source / f"{number}.jpg").write_bytes(random.randbytes(2_000_000))
    killed, other = (site.start("import_images", str(source), "--batch-size", "7") for _ in range(2))
    wait_until(lambda: sum(path.is_file() for path in site.media.rglob("*")) > 5)
    killed.kill()
    for process in (killed, other):
        process.communicate(timeout=120)
    assert site.run("import_images", str(source)).returncode == 0
    stored = {name.rpartition("/")[2]: site.media / name for name, _, _ in site.rows()}
    assert len(stored) == len(site.rows()) == 20
    assert all(path.read_bytes() == (source / name).read_bytes() for name, path in stored.items())
    assert sum(path.is_file() for path in site.media.rglob("*")) == 20
