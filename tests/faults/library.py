"""Small pictures and copies of them, as PNG: what the product decodes whole, another program can check to the bit."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from PIL import Image

from samples.pictures import encoded, photo

SIZES = ((96, 72), (144, 108), (192, 144), (120, 90))


@cache
def picture(seed: int, copy: int) -> bytes:
    """Copy 0 is the original; the others show the same in another size."""
    original = photo(seed=seed, size=SIZES[0])
    return encoded(original.resize(SIZES[copy], Image.Resampling.BICUBIC), "PNG")


def write_library(folder: Path, pictures: int, copies: int = 2, prefix: str = "stable") -> list[str]:
    """Returns the names of the files."""
    names = [f"{prefix}-{seed:03}-{copy}.png" for seed in range(pictures) for copy in range(copies)]
    for number, name in enumerate(names):
        (folder / name).write_bytes(picture(number // copies, number % copies))
    return names
