from __future__ import annotations

import os
import stat
import threading

import pytest

from hashing.management.output import TargetFile


def write(text: str):
    return lambda file: file.write(text)


def fail(file) -> None:
    file.write("half")
    raise OSError(28, "No space left on device")


def test_new_file_has_the_rights_of_any_new_file(tmp_path):
    target = tmp_path / "x.json"
    before = os.umask(0o027)
    try:
        TargetFile(str(target)).write(write("写\n"))
    finally:
        os.umask(before)
    assert target.read_text("utf-8") == "写\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_older_file_is_replaced_and_keeps_its_rights(tmp_path):
    target = tmp_path / "x.json"
    target.write_text("old")
    target.chmod(0o600)
    TargetFile(str(target)).write(write("new"))
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_older_file_stays_as_it_was_when_the_new_one_cannot_be_written(tmp_path):
    target = tmp_path / "x.json"
    target.write_text("old")
    with pytest.raises(OSError, match="No space"):
        TargetFile(str(target)).write(fail)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["x.json"]  # noqa: PTH208


def test_name_of_any_length_is_written(tmp_path):
    target = tmp_path / ("x" * 255)
    TargetFile(str(target)).write(write("new"))
    assert target.read_text() == "new"


@pytest.mark.parametrize("exists", [True, False])
def test_link_is_refused_and_what_it_leads_to_left_alone(tmp_path, exists):
    other, link = tmp_path / "other", tmp_path / "x.json"
    if exists:
        other.write_text("precious")
    link.symlink_to(other)
    with pytest.raises(ValueError, match="symbolic link"):
        TargetFile(str(link))
    assert other.exists() is exists


def test_link_that_appears_during_the_work_is_not_followed(tmp_path):
    other, link = tmp_path / "other", tmp_path / "x.json"
    other.write_text("precious")
    target = TargetFile(str(link))
    link.symlink_to(other)
    target.write(write("new"))
    assert (other.read_text(), link.read_text()) == ("precious", "new")


def test_device_is_written_and_not_replaced():
    with pytest.raises(OSError, match="No space left on device"):
        TargetFile("/dev/full").write(write("lost"))
    TargetFile("/dev/null").write(write("lost"))
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)  # noqa: PTH116


def test_pipe_is_written(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()))
    reader.start()
    TargetFile(str(tmp_path / "pipe")).write(write("through"))
    reader.join()
    assert read == ["through"]


@pytest.mark.parametrize("name", ["", ".", "no/such/folder/x.json"])
def test_place_for_no_file_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="Cannot write"):
        TargetFile(name)
