from __future__ import annotations

import errno
import io
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage, default_storage

from hashing.importing.copying import MAX_UNCERTAIN_REFUSALS, StorageRefusal
from hashing.importing.exclusions import Exclusions
from hashing.importing.image_import import ImageImport
from hashing.importing.names import CopyNames
from hashing.models import ImageAsset

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path) -> Path:
    """Nine files, from 0.jpg to 8.jpg."""
    made = tmp_path / "pictures"
    made.mkdir()
    for number in range(9):
        (made / f"{number}.jpg").write_bytes(b"picture %d" % number)
    return made


@pytest.fixture
def refuse(media, monkeypatch):
    """Make the storage raise the error that a function returns for the last part of a name."""
    save = FileSystemStorage._save

    def arrange(error_for):
        def save_or_refuse(storage, name, content):
            if error := error_for(name.rpartition("/")[2]):
                raise error
            return save(storage, name, content)

        monkeypatch.setattr(FileSystemStorage, "_save", save_or_refuse)

    return arrange


def importing(folder: Path, **options) -> ImageImport:
    return ImageImport(folder, CopyNames(folder, default_storage), **options)


def registered() -> list[str]:
    return [name.rpartition("/")[2] for name in ImageAsset.objects.order_by("pk").values_list("image", flat=True)]


def assert_rows_and_files_agree(media: Path) -> None:
    stored = {path.relative_to(media).as_posix() for path in media.rglob("*") if path.is_file()}
    assert stored == set(ImageAsset.objects.values_list("image", flat=True))


def test_a_full_storage_stops_the_import_and_keeps_the_rows_of_what_is_copied(media, folder, refuse):
    refuse(lambda name: OSError(errno.ENOSPC, "No space left on device") if name >= "5" else None)
    job = importing(folder)
    with pytest.raises(StorageRefusal, match=r"5.jpg cannot be stored: .*No space left on device"):
        job.run()
    assert registered() == ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg"]
    assert job.report.registered == 5
    assert_rows_and_files_agree(media)
    refuse(lambda _: None)
    assert importing(folder).run().registered == 4
    assert len(registered()) == 9


def test_ctrl_c_pressed_twice_keeps_the_rows_of_what_is_copied(media, folder, refuse):
    refuse(lambda name: KeyboardInterrupt() if name == "5.jpg" else None)
    with pytest.raises(KeyboardInterrupt):
        importing(folder).run()
    assert registered() == ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg"]
    assert_rows_and_files_agree(media)


def test_a_stop_within_a_batch_keeps_the_rows_of_what_is_copied(media, folder):
    job = importing(folder, should_stop=lambda: sum(path.is_file() for path in media.rglob("*")) >= 3)
    assert job.run().registered == 3
    assert registered() == ["0.jpg", "1.jpg", "2.jpg"]
    assert_rows_and_files_agree(media)


def test_a_stop_copies_no_more_of_a_batch_that_was_read(media, folder):
    calls = []
    job = importing(folder, should_stop=lambda: len(calls) > 12 or calls.append(1))
    job.run()
    assert 0 < len(registered()) < 9
    assert_rows_and_files_agree(media)


def test_a_name_that_the_storage_refuses_affects_only_that_file(media, folder, refuse):
    refuse(lambda name: OSError(errno.ENAMETOOLONG, "File name too long") if name in "3.jpg4.jpg" else None)
    report = importing(folder).run()
    assert (report.registered, report.failed) == (7, 2)
    assert report.left_out == {"cannot be stored: File name too long": 2}
    assert_rows_and_files_agree(media)


def test_many_refusals_in_a_row_stop_the_import(media, tmp_path, refuse):
    many = tmp_path / "many"
    many.mkdir()
    for number in range(MAX_UNCERTAIN_REFUSALS + 5):
        (many / f"{number:03}.jpg").touch()
    tried = []
    refuse(lambda name: tried.append(name) or PermissionError(errno.EACCES, "Permission denied"))
    with pytest.raises(StorageRefusal, match="Permission denied"):
        importing(many).run()
    assert len(tried) == MAX_UNCERTAIN_REFUSALS


def test_a_storage_that_refuses_all_of_a_few_files_is_an_error(media, folder, refuse):
    refuse(lambda _: PermissionError(errno.EACCES, "Permission denied"))
    job = importing(folder)
    with pytest.raises(StorageRefusal, match="Permission denied"):
        job.run()
    assert job.report.left_out == {"cannot be stored: Permission denied": 9}


def test_refusals_between_successes_affect_only_those_files(media, tmp_path, refuse):
    many = tmp_path / "many"
    many.mkdir()
    for number in range(3 * MAX_UNCERTAIN_REFUSALS):
        (many / f"{number:03}.jpg").touch()
    refuse(lambda name: RuntimeError("odd") if int(name[:3]) % 3 else None)
    report = importing(many).run()
    assert (report.registered, report.left_out.total()) == (MAX_UNCERTAIN_REFUSALS, 2 * MAX_UNCERTAIN_REFUSALS)


def test_files_above_the_limit_are_left_out(media, folder, settings):
    settings.HASHING = {"MAX_BYTES": 9}
    (folder / "large.jpg").write_bytes(b"0123456789")
    report = importing(folder).run()
    assert (report.registered, report.left_out) == (9, {"larger than MAX_BYTES (9 bytes)": 1})
    assert "large.jpg" not in registered()


def test_excluded_files_are_neither_copied_nor_registered(media, folder):
    report = importing(folder, exclusions=Exclusions(["[0-7].jpg"])).run()
    assert (report.registered, report.left_out) == (1, {"excluded": 8})
    assert_rows_and_files_agree(media)


@pytest.mark.parametrize("stem", ["写" * 83, "a b" * 83, "😀" * 62, "x" * 251])
def test_a_name_of_the_maximum_length_is_imported_once(media, folder, stem):
    (folder / f"{stem}.jpg").write_bytes(b"long")
    assert importing(folder).run().registered == 10
    assert_rows_and_files_agree(media)
    again = importing(folder).run()
    assert (again.registered, again.known, again.failed) == (0, 10, 0)


def test_a_file_in_the_place_of_a_folder_affects_only_that_folder(media, folder):
    job = importing(folder)
    (folder / "sub").mkdir()
    (folder / "sub" / "x.jpg").write_bytes(b"x")
    default_storage.save(f"imported/{CopyNames(folder, default_storage).folder}/sub", io.BytesIO(b"in the way"))
    report = job.run()
    assert (report.registered, report.failed) == (9, 1)
