from __future__ import annotations

import io
import os
import stat
import sys
import threading

import pytest

from hashing.management.output import ResilientStream, TargetFile
from tests.management.broken_output import closed_pipe, full_disk


@pytest.mark.parametrize(("encoding", "text"), [("ascii", "\\u5199\\xe9"), ("cp1252", "\\u5199é"), ("utf-8", "写é")])
def test_characters_that_the_encoding_lacks_are_escaped(encoding, text):
    content = io.BytesIO()
    with io.TextIOWrapper(content, encoding=encoding) as stream:
        ResilientStream(stream).write("写é")
        stream.flush()
        assert content.getvalue().decode(encoding) == text


def test_surrogates_are_escaped():
    content = io.BytesIO()
    with io.TextIOWrapper(content, encoding="utf-8") as stream:
        ResilientStream(stream).write("\udcff")
        stream.flush()
        assert content.getvalue() == b"\\udcff"


def test_closed_pipe_does_not_raise():
    with closed_pipe() as pipe:
        stream = ResilientStream(pipe)
        stream.write("lost")
        stream.flush()
        stream.write("lost too")
        assert stream.is_closed_pipe


def test_full_disk_does_not_raise_and_is_no_closed_pipe():
    with full_disk() as full:
        stream = ResilientStream(full)
        stream.write("lost")
        stream.flush()
        assert stream.error.strerror == "No space left on device"
        assert not stream.is_closed_pipe


def test_abandoned_stream_discards_its_buffer():
    with open("/dev/full", "w") as full:  # noqa: PTH123
        stream = ResilientStream(full)
        stream.write("lost")
        stream.flush()
        stream.abandon()


def test_closed_stream_does_not_raise():
    closed = io.StringIO()
    closed.close()
    stream = ResilientStream(closed)
    stream.write("lost")
    assert stream.error is not None


def test_missing_stream_is_ignored():
    stream = ResilientStream(None)
    stream.write("lost")
    stream.flush()
    stream.abandon()
    assert stream.error is None
    assert not stream.isatty()


def test_other_attributes_are_those_of_the_stream():
    assert ResilientStream(sys.__stdout__).fileno() == sys.__stdout__.fileno()


def write(text: str):
    return lambda file: file.write(text)


def write_half(file) -> None:
    file.write("half")
    raise OSError(28, "No space left on device")


def test_new_file_has_the_permissions_of_the_umask(tmp_path):
    target = tmp_path / "x.json"
    before = os.umask(0o027)
    try:
        TargetFile(str(target)).write(write("写\n"))
    finally:
        os.umask(before)
    assert target.read_text("utf-8") == "写\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_existing_file_is_replaced_and_keeps_its_permissions(tmp_path):
    target = tmp_path / "x.json"
    target.write_text("old")
    target.chmod(0o600)
    TargetFile(str(target)).write(write("new"))
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_existing_file_is_unchanged_after_an_error(tmp_path):
    target = tmp_path / "x.json"
    target.write_text("old")
    with pytest.raises(OSError, match="No space"):
        TargetFile(str(target)).write(write_half)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["x.json"]  # noqa: PTH208


def test_name_of_maximum_length_is_written(tmp_path):
    target = tmp_path / ("x" * 255)
    TargetFile(str(target)).write(write("new"))
    assert target.read_text() == "new"


@pytest.mark.parametrize("exists", [True, False])
def test_link_is_refused_and_its_target_unchanged(tmp_path, exists):
    other, link = tmp_path / "other", tmp_path / "x.json"
    if exists:
        other.write_text("precious")
    link.symlink_to(other)
    with pytest.raises(ValueError, match="symbolic link"):
        TargetFile(str(link))
    assert other.exists() is exists


def test_link_that_appears_meanwhile_is_not_followed(tmp_path):
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
def test_path_that_cannot_be_a_file_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="Cannot write"):
        TargetFile(name)
