"""Pictures that anyone can get: those in Debian's packages of desktop backgrounds.

They are downloaded once, into benchmarks/photos/. On a system without apt-get the pictures in samples/ take their
place, and figures measured with them compare with no others.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
PHOTOS = HERE / "photos"
SAMPLES = HERE.parent / "samples"

PACKAGES = ("gnome-backgrounds", "mate-backgrounds", "plasma-workspace-wallpapers")
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
# Taken with a camera; the other folders hold drawings and renderings.
PLASMA_PHOTOGRAPHS = frozenset(
    "Autumn BytheWater ColdRipple ColorfulCups DarkestHour EveningGlow FallenLeaf Grey Kite OneStandsOut Path"
    " summer_1am".split()
)


@cache
def wallpapers() -> list[Path]:
    """All pictures, in the order of their names."""
    unpacked = PHOTOS / "packages"
    if not unpacked.exists():
        _download(unpacked)
    return _pictures(unpacked if unpacked.exists() else SAMPLES) or sys.exit("There are no pictures in samples/.")


def photographs() -> list[Path]:
    """Those that were taken with a camera, each in all the sizes that its package has."""
    return [path for path in wallpapers() if SAMPLES in path.parents or _is_photograph(path)]


def _is_photograph(path: Path) -> bool:
    return "nature" in path.parts or not PLASMA_PHOTOGRAPHS.isdisjoint(path.parts)


def _pictures(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and not path.is_symlink())
    # A screenshot is a small copy of the wallpaper beside it.
    return sorted(path for path in found if path.stem != "screenshot")


def _download(folder: Path) -> None:
    """Make `folder` of the packages' files, or say on stderr why not and leave it missing."""
    partial = folder.with_name("packages.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    print(f"Downloading {', '.join(PACKAGES)} (170 MB)...", file=sys.stderr)
    try:
        subprocess.run(["apt-get", "download", *PACKAGES], cwd=partial, check=True, stdout=subprocess.DEVNULL)
        for package in partial.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, partial], check=True)
            package.unlink()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"Debian's packages cannot be had, using the pictures in samples/: {error}", file=sys.stderr)
        return
    partial.rename(folder)
