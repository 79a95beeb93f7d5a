from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from hashing.importing.walk import file_below, folder_below


@pytest.fixture
def root(tmp_path) -> Path:
    """A folder with a file, and a secret beside it."""
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
