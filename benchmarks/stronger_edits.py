"""Which copies are found no more: stronger edits than those of `benchmarks.answers`, beside the same other hashes."""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps
from threadpoolctl import threadpool_limits

from benchmarks.answers import PHOTOGRAPHS, WAYS, as_hashes, find_copies, hash_content
from benchmarks.pictures import Edit, crop, encode, rotate
from benchmarks.report import print_table, print_versions

CROPS = (0.05, 0.1, 0.15, 0.2, 0.3)
ANGLES = (2, 3, 5, 10)


def write_over(image: Image.Image) -> Image.Image:
    """Write two lines of large white capitals with black edges, one at the top and one at the bottom."""
    copy = image.copy()
    draw, font = ImageDraw.Draw(copy), ImageFont.load_default(image.height / 7)
    for text, y, anchor in (("WHEN YOU SEE", 4, "ma"), ("THE SAME PICTURE", image.height - 4, "md")):
        draw.text((image.width / 2, y), text, "white", font, anchor, stroke_width=3, stroke_fill="black")
    return copy


def halve(image: Image.Image) -> Image.Image:
    """Show the picture in the left half of a sheet, and its mirror image in the right half."""
    sheet = Image.new("RGB", (2 * image.width, image.height))
    sheet.paste(image, (0, 0))
    sheet.paste(ImageOps.mirror(image), (image.width, 0))
    return sheet


def cropped(left: float, top: float, right: float, bottom: float) -> Edit:
    return lambda image: encode(crop(image, left, top, right, bottom))


def rotated(degrees: float) -> Edit:
    return lambda image: encode(rotate(image, degrees))


EDITS: dict[str, Edit] = {
    **{f"{share:.0%} cropped, all round": cropped(*[share / 2] * 4) for share in CROPS},
    **{f"{share:.0%} cropped, on the left": cropped(share, 0, 0, 0) for share in CROPS},
    **{f"rotated by {degrees}°": rotated(degrees) for degrees in ANGLES},
    "stretched to a square": lambda image: encode(image.resize((image.height, image.height))),
    "two lines of large text": lambda image: encode(write_over(image)),
    "a negative": lambda image: encode(ImageOps.invert(image)),
    "in half of a collage": lambda image: encode(halve(image)),
}


def hash_photograph(path: Path) -> list[tuple[int, ...]]:
    """Return the hashes of a photograph, then those of its copies, in the order of EDITS."""
    with threadpool_limits(1), Image.open(path) as opened:
        image = opened.convert("RGB")
        return [hash_content(path.read_bytes()), *(hash_content(edit(image)) for edit in EDITS.values())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--photographs", type=int, default=300)
    given = parser.parse_args()
    with ProcessPoolExecutor(given.processes) as pool:
        paths = PHOTOGRAPHS.paths()[: given.photographs]
        table = np.array(list(pool.map(hash_photograph, paths, chunksize=8)), np.uint64)
    originals, rows = as_hashes(table[:, 0]), list[list[object]]()
    for number, edit in enumerate(EDITS, 1):
        copies = as_hashes(table[:, number])
        shares = (find_copies(way, originals, copies, turned=False).mean() for way in WAYS)
        rows.append([edit, *(f"{100 * share:.1f}" for share in shares)])
    print_table("Copies found again, in per cent", ["", *(way.name for way in WAYS)], rows)
    print_versions("pillow", "numpy", "ImageHash")


if __name__ == "__main__":
    main()
