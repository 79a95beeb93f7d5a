"""Small pictures and copies of them, as PNG files, which every program decodes to the same bits."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from PIL import Image

from samples.pictures import encoded, photo

SIZES = ((96, 72), (144, 108), (192, 144), (120, 90))


@cache
def picture(seed: int, copy: int) -> bytes:
    """Return an original as copy 0, and the same picture in another size for each other number."""
    original = photo(seed=seed, size=SIZES[0])
    return encoded(original.resize(SIZES[copy], Image.Resampling.BICUBIC), "PNG")


def write_library(folder: Path, pictures: int, copies: int = 2, prefix: str = "stable") -> list[str]:
    """Write pictures with copies to a folder, and return the names of the files."""
    names = [f"{prefix}-{seed:03}-{copy}.png" for seed in range(pictures) for copy in range(copies)]
    for number, name in enumerate(names):
        (folder / name).write_bytes(picture(number // copies, number % copies))
    return names
