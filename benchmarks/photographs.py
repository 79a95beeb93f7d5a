"""Sets of JPEGs for the other benchmarks, cut out of real photographs: as cameras give them, and as the web does.

`python -m benchmarks.photographs` makes them. They are made once and kept in benchmarks/photos/.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops

from benchmarks.debian_wallpapers import PHOTOS, photographs
from benchmarks.table import print_table


@dataclass(frozen=True)
class PhotographSet:
    """`files` crops that all differ, `size` in pixels, saved with JPEG `quality`.

    With `smallest`, the size is the largest one, and each crop has another, with a longer side from `smallest` on.

    A crop is as wide as `narrowest` to 1 of the widest that fits into its photograph. `grain` is the standard
    deviation, in grey levels, of a noise like a camera sensor's.
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
        """For each of `paths()`, the number of the photograph that it is a part of."""
        photographs = len(_largest_sizes())
        return [int(path.stem) % photographs for path in self.paths()]

    def _make(self, folder: Path) -> None:
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        sources = _largest_sizes()
        dice = random.Random(self.name)
        for number, source in enumerate(sources):
            with Image.open(source) as opened:
                photograph = opened.convert("RGB")
            for serial in range(number, self.files, len(sources)):
                size = self._size(dice)
                box = self._crop(photograph, size, dice)
                crop = photograph.resize(size, Image.Resampling.LANCZOS, box=box)
                _grainy(crop, self.grain).save(partial / f"{serial:04}.jpg", quality=self.quality)
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
# goes into reading its bits, at any scale, so the size of the file decides: one set as a telephone saves them by
# default, one with all the grain of a large sensor.
TWELVE_MEGAPIXELS = PhotographSet("12 MP", (4000, 3000), quality=85, files=40, narrowest=0.8, grain=3)
TWELVE_MEGAPIXELS_GRAINY = PhotographSet("12 MP grainy", (4000, 3000), quality=90, files=40, narrowest=0.8, grain=6)
FIVE_HUNDRED_PIXELS = PhotographSet("500 px", (500, 375), quality=88, files=1000, narrowest=0.4)
# Sizes as the web has them.
ABOUT_FIVE_HUNDRED_PIXELS = PhotographSet(
    "about 500 px", (560, 560), quality=88, files=1000, narrowest=0.4, smallest=440
)
MANY_SIZES = PhotographSet("160 to 2000 px", (2000, 2000), quality=88, files=1000, narrowest=0.4, smallest=160)


SETS = (TWELVE_MEGAPIXELS, TWELVE_MEGAPIXELS_GRAINY, FIVE_HUNDRED_PIXELS, ABOUT_FIVE_HUNDRED_PIXELS, MANY_SIZES)


def _grainy(image: Image.Image, grain: float) -> Image.Image:
    if not grain:
        return image
    noise = Image.effect_noise(image.size, grain)
    channels = [ImageChops.add(channel, noise, offset=-128) for channel in image.split()]
    return Image.merge(image.mode, channels)


def _largest_sizes() -> list[Path]:
    """One file a photograph: the packages keep the sizes of one in a folder of its own, named by width and height."""
    largest: dict[Path, Path] = {}
    for path in photographs():
        subject = path.parent if path.parent.name == "images" else path
        if subject not in largest or _pixels(path) > _pixels(largest[subject]):
            largest[subject] = path
    return list(largest.values())


def _pixels(path: Path) -> int:
    with Image.open(path) as image:
        return image.width * image.height


def main() -> None:
    rows = []
    for photograph_set in SETS:
        paths = photograph_set.paths()
        megabytes = sum(path.stat().st_size for path in paths) / 1e6
        rows.append([photograph_set.name, len(paths), len(_largest_sizes()), megabytes / len(paths)])
    print_table("Photographs", ["set", "files", "from photographs", "MB a file"], rows)


if __name__ == "__main__":
    main()
