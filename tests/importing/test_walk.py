from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pytest

from hashing.importing import walk
from hashing.importing.walk import FoundImage, LeftOut, file_below, folder_below, walk_images


def found(root: Path) -> set[str]:
    return {str(file.relative) for file in walk_images(root) if isinstance(file, FoundImage)}


def left_out(root: Path) -> dict[str, str]:
    return {file.relative: file.reason for file in walk_images(root) if isinstance(file, LeftOut)}


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_finds_images_at_any_depth_by_their_suffix(tmp_path):
    touch(tmp_path, "a.jpg", "b/c/d.PNG", "b/e.webp")
    assert found(tmp_path) == {"a.jpg", "b/c/d.PNG", "b/e.webp"}


def test_reports_files_that_are_not_images(tmp_path):
    touch(tmp_path, "notes.txt", "drawing.svg", "paper.pdf", "figure.eps", ".hidden.jpg", ".git/a.jpg", "none")
    assert found(tmp_path) == set()
    assert left_out(tmp_path) == {
        "notes.txt": "not named as an image",
        "drawing.svg": "not named as an image",
        "paper.pdf": "not named as an image",
        "figure.eps": "not named as an image",
        "none": "not named as an image",
        ".hidden.jpg": "hidden",
        ".git": "hidden",
    }


def test_follows_no_link(tmp_path):
    touch(tmp_path, "outside/secret.jpg", "root/a.jpg")
    root = tmp_path / "root"
    (root / "file.jpg").symlink_to(tmp_path / "outside" / "secret.jpg")
    (root / "folder").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(root)
    assert found(root) == {"a.jpg"}
    assert set(left_out(root).values()) == {"symbolic link"}


def test_leaves_out_files_that_are_not_regular(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert left_out(tmp_path) == {"pipe.jpg": "not a regular file"}


def test_leaves_out_names_that_no_database_can_hold(tmp_path):
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg")).touch()
    except OSError:
        pytest.skip("this file system has only names in Unicode")
    assert list(left_out(tmp_path).values()) == ["name is not valid Unicode"]


def test_a_folder_that_vanishes_does_not_affect_others(tmp_path):
    touch(tmp_path, "a/x.jpg", "b/y.jpg")
    seen = []
    for file in walk_images(tmp_path):
        seen.append(file)
        for other in ("a", "b"):
            if isinstance(file, FoundImage) and file.relative.parts[0] != other:
                (tmp_path / other).rename(tmp_path / f"{other}-gone")
    assert [type(file) for file in seen] == [FoundImage, LeftOut]
    assert seen[1].reason == "cannot be read: No such file or directory"
    assert seen[1].is_error


class WithoutType:
    """An entry of a folder without the types of its entries: reading any attribute may fail."""

    def __init__(self, entry: os.DirEntry[str]) -> None:
        self._entry = entry
        self.name = entry.name

    def __getattr__(self, question: str):
        def ask(**options):
            if "broken" in self.name:
                raise OSError(errno.EIO, "Input/output error")
            return getattr(self._entry, question)(**options)

        return ask


class WithoutStatus(WithoutType):
    """An entry of which only the status cannot be read."""

    def __getattr__(self, question: str):
        return super().__getattr__(question) if question == "stat" else getattr(self._entry, question)


@pytest.fixture
def entries(monkeypatch):
    """Make folders return entries of another class."""
    scan = os.scandir

    def arrange(kind):
        @contextmanager
        def scandir(folder):
            with scan(folder) as found:
                yield (kind(entry) for entry in sorted(found, key=lambda entry: entry.name))

        monkeypatch.setattr(walk.os, "scandir", scandir)

    return arrange


def test_an_entry_that_cannot_be_read_does_not_affect_others(tmp_path, entries):
    entries(WithoutType)
    touch(tmp_path, "a.jpg", "broken.jpg", "c.jpg", "sub/broken", "sub/deeper/d.jpg", "sub/e.jpg")
    assert found(tmp_path) == {"a.jpg", "c.jpg", "sub/deeper/d.jpg", "sub/e.jpg"}
    reason = "cannot be read: Input/output error"
    assert left_out(tmp_path) == {"broken.jpg": reason, "sub/broken": reason}


def test_an_entry_whose_status_cannot_be_read_does_not_affect_others(tmp_path, entries):
    entries(WithoutStatus)
    touch(tmp_path, "a.jpg", "broken.jpg", "c.jpg")
    assert found(tmp_path) == {"a.jpg", "c.jpg"}
    assert left_out(tmp_path) == {"broken.jpg": "cannot be read: Input/output error"}


def test_folders_deeper_than_any_path_may_be_long_are_walked(tmp_path):
    parts = ["d" * 200] * 30 + ["thumbs"]
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for part in parts:
        os.mkdir(part, dir_fd=descriptor)
        parent, descriptor = descriptor, os.open(part, os.O_RDONLY, dir_fd=descriptor)
        os.close(parent)
    for name in ("x.jpg", "x.jpg.10x10_q85.jpg"):
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)
    assert found(tmp_path) == {"/".join([*parts, "x.jpg"])}
    assert list(left_out(tmp_path)) == ["/".join([*parts, "x.jpg.10x10_q85.jpg"])]


def test_returns_the_size_of_an_image(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"12345")
    assert [file.size for file in walk_images(tmp_path)] == [5]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_without_permission_does_not_affect_others(tmp_path):
    touch(tmp_path, "a/x.jpg", "b.jpg")
    (tmp_path / "a").chmod(0)
    assert found(tmp_path) == {"b.jpg"}
    assert left_out(tmp_path) == {"a": "cannot be read: Permission denied"}
    (tmp_path / "a").chmod(0o700)


@pytest.fixture
def root(tmp_path) -> Path:
    """A folder with a file, beside a folder with a secret."""
    (tmp_path / "root" / "sub").mkdir(parents=True)
    (tmp_path / "root" / "sub" / "a.jpg").write_bytes(b"picture")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.jpg").write_bytes(b"secret")
    return tmp_path / "root"


def test_a_file_below_is_opened(root):
    with file_below(root, PurePosixPath("sub/a.jpg")) as file:
        assert file.read() == b"picture"


def test_a_folder_below_is_opened_and_closed(root):
    with folder_below(root, PurePosixPath("sub")) as descriptor:
        assert os.stat("a.jpg", dir_fd=descriptor).st_size == len(b"picture")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_folder_that_became_a_link_is_not_followed(root):
    (root / "sub").rename(root / "moved")
    (root / "sub").symlink_to(root.parent / "outside")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        file_below(root, PurePosixPath("sub/a.jpg"))


def test_a_file_that_became_a_link_is_not_followed(root):
    (root / "sub" / "a.jpg").unlink()
    (root / "sub" / "a.jpg").symlink_to(root.parent / "outside" / "a.jpg")
    with pytest.raises(OSError, match="Too many levels"):
        file_below(root, PurePosixPath("sub/a.jpg"))


def test_a_pipe_is_refused_without_waiting(root):
    os.mkfifo(root / "pipe.jpg")
    with pytest.raises(OSError, match="not a regular file"):
        file_below(root, PurePosixPath("pipe.jpg"))
