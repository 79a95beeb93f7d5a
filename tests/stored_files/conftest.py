from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pictures import photo


@pytest.fixture
def bind_mount() -> Iterator[Callable[[Path, Path], None]]:
    """Mounts a folder at a second place, until the test ends."""
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
def photograph(media) -> Callable[[str], Path]:
    """Makes an image file without a row."""

    def make(name: str) -> Path:
        path = media / name
        path.parent.mkdir(parents=True, exist_ok=True)
        photo(size=(160, 120)).save(path, "JPEG")
        return path

    return make
