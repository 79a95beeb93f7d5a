"""Sets of JPEGs for the other benchmarks: crops of the photographs among Debian's wallpapers.

They are made when they are first needed, and kept in benchmarks/photos/. On a system without apt-get the pictures in
samples/ take the place of the wallpapers, and figures measured with them cannot be compared with others.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageChops

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


@dataclass(frozen=True)
class PhotographSet:
    """`files` different crops of `size` pixels, saved with JPEG `quality`.

    With `smallest`, the sizes vary: the longer side has from `smallest` pixels to those of `size`. A crop is as wide as
    `narrowest` to 1 of the widest that fits into its photograph. `grain` is the standard deviation, in grey levels, of
    noise like that of a camera's sensor.
    """

    name: str
    size: tuple[int, int]
    quality: int
    files: int
    narrowest: float
    grain: float = 0.0
    smallest: int | None = None

    def paths(self) -> list[Path]:
        folder = PHOTOS / self.name.replace(" ", "-")
        if not folder.exists():
            self._make(folder)
        return sorted(folder.iterdir())

    def sources(self) -> list[int]:
        """Return, for each of `paths()`, the number of the photograph that it is a crop of."""
        photographs = len(largest_photographs())
        return [int(path.stem) % photographs for path in self.paths()]

    def _make(self, folder: Path) -> None:
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        sources = largest_photographs()
        dice = random.Random(self.name)
        for number, source in enumerate(sources):
            with Image.open(source) as opened:
                photograph = opened.convert("RGB")
            for serial in range(number, self.files, len(sources)):
                size = self._size(dice)
                box = self._crop(photograph, size, dice)
                crop = photograph.resize(size, Image.Resampling.LANCZOS, box=box)
                add_grain(crop, self.grain).save(partial / f"{serial:04}.jpg", quality=self.quality)
        partial.rename(folder)

    def _size(self, dice: random.Random) -> tuple[int, int]:
        if self.smallest is None:
            return self.size
        longer = round(self.smallest * (max(self.size) / self.smallest) ** dice.random())
        shorter = round(longer / dice.uniform(1, 2))
        return (longer, shorter) if dice.random() < 0.6 else (shorter, longer)

    def _crop(
        self, photograph: Image.Image, size: tuple[int, int], dice: random.Random
    ) -> tuple[float, float, float, float]:
        largest = min(photograph.width / size[0], photograph.height / size[1])
        scale = largest * dice.uniform(self.narrowest, 1)
        width, height = size[0] * scale, size[1] * scale
        left, top = dice.uniform(0, photograph.width - width), dice.uniform(0, photograph.height - height)
        return left, top, left + width, top + height


# The photographs have 1 to 5 MP; enlarged, they would be smoother than a camera's. Half of the time for a JPEG of 12 MP
# is spent on reading its bits, at any scale, so the size of the file matters: these are as dense as a telephone's.
TWELVE_MEGAPIXELS = PhotographSet("12 MP", (4000, 3000), quality=85, files=40, narrowest=0.8, grain=3)
FIVE_HUNDRED_PIXELS = PhotographSet("500 px", (500, 375), quality=88, files=1000, narrowest=0.4)
MANY_SIZES = PhotographSet("160 to 2000 px", (2000, 2000), quality=88, files=1000, narrowest=0.4, smallest=160)


def add_grain(image: Image.Image, grain: float) -> Image.Image:
    if not grain:
        return image
    noise = Image.effect_noise(image.size, grain)
    channels = [ImageChops.add(channel, noise, offset=-128) for channel in image.split()]
    return Image.merge(image.mode, channels)


@cache
def largest_photographs() -> list[Path]:
    """Return one file a photograph: a package keeps its sizes in one folder, each named by width and height."""
    unpacked = PHOTOS / "packages"
    if not unpacked.exists():
        download_wallpapers(unpacked)
    folder = unpacked if unpacked.exists() else SAMPLES
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and not path.is_symlink())
    largest: dict[Path, Path] = {}
    for path in files:
        # A screenshot is a small copy of the wallpaper beside it.
        if path.stem == "screenshot" or not (folder == SAMPLES or _is_photograph(path)):
            continue
        subject = path.parent if path.parent.name == "images" else path
        if subject not in largest or _pixels(path) > _pixels(largest[subject]):
            largest[subject] = path
    return list(largest.values())


def download_wallpapers(folder: Path) -> None:
    """Unpack Debian's wallpapers into `folder`, or print on stderr why that is impossible."""
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
        print(f"The wallpapers cannot be downloaded, using the pictures in samples/: {error}", file=sys.stderr)
        return
    partial.rename(folder)


def _is_photograph(path: Path) -> bool:
    return "nature" in path.parts or not PLASMA_PHOTOGRAPHS.isdisjoint(path.parts)


def _pixels(path: Path) -> int:
    with Image.open(path) as image:
        return image.width * image.height
