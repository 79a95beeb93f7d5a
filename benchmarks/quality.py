"""How well `hash_quality` tells photographs from drawings that share their hash with thousands of others."""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from benchmarks.debian_wallpapers import photographs
from benchmarks.table import print_table, print_versions
from hashing.conf import HashingSettings
from hashing.fingerprint.compute import measure_quality
from hashing.fingerprint.grid import shrink

MIN_QUALITY = HashingSettings().MIN_QUALITY
HEADS = ["pictures", "number", "below the minimum", "lowest", "median", "highest"]
PAGES = [(640, 480), (400, 400), (300, 500), (1200, 800)]
WORDS = ["ACME", "Logo", "brand new", "X", "Company\nName"]
LONGEST_SIDE = 1200

Box = tuple[float, float, float, float]
Colour = tuple[int, int, int]


def quality(image: Image.Image) -> int:
    grids = shrink(image.convert("L"))
    return measure_quality(grids.wide, grids.tall)


def scenes() -> list[Image.Image]:
    samples = Path(__file__).parent.parent / "samples" / "photographs"
    pictures = [Image.open(path).convert("RGB") for path in [*photographs(), *sorted(samples.iterdir())]]
    for picture in pictures:
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return pictures


def parts(pictures: list[Image.Image], each: int, source: random.Random) -> Iterator[Image.Image]:
    """Random parts, 40 to 90% of the side."""
    for picture in pictures:
        for _ in range(each):
            share = source.uniform(0.4, 0.9)
            width, height = int(picture.width * share), int(picture.height * share)
            left, top = source.randint(0, picture.width - width), source.randint(0, picture.height - height)
            yield picture.crop((left, top, left + width, top + height))


def drawing(draw: Callable[[ImageDraw.ImageDraw, Box, Colour], None], source: random.Random) -> Image.Image:
    """One shape of 10 to 80% of the side, in the middle of a white page."""
    width, height = source.choice(PAGES)
    page = Image.new("RGB", (width, height), "white")
    share = source.uniform(0.1, 0.8)
    across, down = (side * share * source.uniform(0.5, 1) for side in (width, height))
    box = ((width - across) / 2, (height - down) / 2, (width + across) / 2, (height + down) / 2)
    draw(ImageDraw.Draw(page), box, (source.randint(0, 200), source.randint(0, 200), source.randint(0, 200)))
    return page


def _triangle(draw: ImageDraw.ImageDraw, box: Box, colour: Colour) -> None:
    draw.polygon([(box[0], box[3]), (box[2], box[3]), ((box[0] + box[2]) / 2, box[1])], fill=colour)


def _ring(draw: ImageDraw.ImageDraw, box: Box, colour: Colour) -> None:
    draw.ellipse(box, outline=colour, width=int((box[2] - box[0]) * 0.15) + 1)


def _word(draw: ImageDraw.ImageDraw, box: Box, colour: Colour) -> None:
    word = WORDS[int(box[0]) % len(WORDS)]
    draw.text((box[0], box[1]), word, fill=colour, font=ImageFont.load_default(max(20, (box[3] - box[1]) / 2)))


DRAWINGS: dict[str, Callable[[ImageDraw.ImageDraw, Box, Colour], None]] = {
    "rectangles": lambda draw, box, colour: draw.rectangle(box, fill=colour),
    "ellipses": lambda draw, box, colour: draw.ellipse(box, fill=colour),
    "triangles": _triangle,
    "rings": _ring,
    "words": _word,
}


def gradients() -> Iterator[Image.Image]:
    ramp = Image.linear_gradient("L").resize((900, 900), Image.Resampling.BICUBIC)
    for degrees in range(0, 360, 5):
        yield ramp.rotate(degrees, Image.Resampling.BICUBIC).crop((200, 250, 700, 650))


def row(name: str, qualities: list[int]) -> list[object]:
    ordered, below = sorted(qualities), sum(quality < MIN_QUALITY for quality in qualities)
    share = f"{100 * below / len(ordered):.1f}%"
    return [name, len(ordered), share, ordered[0], ordered[len(ordered) // 2], ordered[-1]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drawings", type=int, default=300, help="drawings of each kind")
    parser.add_argument("--parts", type=int, default=10, help="random parts of each photograph")
    given = parser.parse_args()
    source = random.Random(5)
    pictures = scenes()
    rows = [row("photographs", [quality(picture) for picture in pictures])]
    rows.append(row("parts of them", [quality(part) for part in parts(pictures, given.parts, source)]))
    for name, draw in DRAWINGS.items():
        rows.append(row(name, [quality(drawing(draw, source)) for _ in range(given.drawings)]))
    rows.append(row("linear gradients", [quality(gradient) for gradient in gradients()]))
    print_table(f"Quality, with a minimum of {MIN_QUALITY}", HEADS, rows)
    print_versions("pillow", "numpy")


if __name__ == "__main__":
    main()
