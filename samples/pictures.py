"""Made-up pictures for tests, the same on every machine: they follow from a seed by plain arithmetic."""

from __future__ import annotations

import io
import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

Size = tuple[int, int]

WHITE = (255, 255, 255)


def photo(seed: int = 1, size: Size = (640, 480)) -> Image.Image:
    """Return an RGB picture like a photograph, with soft shading, texture at every scale, and some hard edges."""
    image = _cloudy(seed, size).copy()
    _scatter_shapes(image, np.random.RandomState(seed + 1_000_000))
    return image


def waves(seed: int = 1, size: Size = (96, 72)) -> Image.Image:
    """Return the sum of three triangle waves, in mode L. Integer arithmetic makes every pixel exact."""
    random = np.random.RandomState(seed)
    rows, columns = np.indices((size[1], size[0]))
    total = np.zeros((size[1], size[0]), dtype=np.int64)
    for _ in range(3):
        across, down = random.randint(-4, 5, 2)
        start = random.randint(0, 512)
        total += np.abs((across * 512 * columns // size[0] + down * 512 * rows // size[1] + start) % 512 - 256)
    return Image.fromarray(np.clip(total * 3 // 2 - 448, 0, 255).astype(np.uint8))


def gradient(degrees: float = 0, size: Size = (640, 480), power: int = 1) -> Image.Image:
    """Return shading from black to white in one direction, in mode L, linear or, with `power` 2, quadratic."""
    rows, columns = np.indices((size[1], size[0]))
    course = math.cos(math.radians(degrees)) * columns + math.sin(math.radians(degrees)) * rows
    course = (course - course.min()) / (course.max() - course.min())
    return Image.fromarray(np.rint(255 * course**power).astype(np.uint8))


def blank(size: Size = (640, 480), level: int = 255, noise: int = 0, seed: int = 1) -> Image.Image:
    """Return a page of one grey level, in mode L, from which every pixel may differ by up to `noise` levels."""
    offsets = np.random.RandomState(seed).randint(-noise, noise + 1, (size[1], size[0]))
    return Image.fromarray(np.clip(level + offsets, 0, 255).astype(np.uint8))


def random_pixels(seed: int = 1, size: Size = (640, 480)) -> Image.Image:
    """Return independent random RGB pixels."""
    return Image.fromarray(np.random.RandomState(seed).randint(0, 256, (size[1], size[0], 3)).astype(np.uint8))


def logo(shape: str, size: Size = (640, 480), colour: tuple[int, int, int] = (20, 60, 140)) -> Image.Image:
    """Return a "text", "circle", "rectangle" or "triangle" of one colour in the middle of a white RGB page."""
    image = Image.new("RGB", size, WHITE)
    draw = ImageDraw.Draw(image)
    x, y, radius = size[0] / 2, size[1] / 2, min(size) / 5
    box = (x - radius, y - radius, x + radius, y + radius)
    if shape == "circle":
        draw.ellipse(box, fill=colour)
    elif shape == "rectangle":
        draw.rectangle(box, fill=colour)
    elif shape == "triangle":
        draw.polygon([(x, y - radius), (x - radius, y + radius), (x + radius, y + radius)], fill=colour)
    else:
        draw.text((x, y), "IMAGE", fill=colour, font=ImageFont.load_default(radius), anchor="mm")
    return image


def encoded(image: Image.Image, image_format: str, **options: object) -> bytes:
    """Return the content of an image file; `options` are those of Pillow's `save`."""
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


@lru_cache(maxsize=64)
def _cloudy(seed: int, size: Size) -> Image.Image:
    random = np.random.RandomState(seed)
    image = Image.new("RGB", size)
    for octave, cells in enumerate((2, 4, 8, 16, 32, 64)):
        layer = Image.fromarray(random.randint(0, 256, (cells, cells, 3)).astype(np.uint8))
        # Each finer layer weighs less, as in the spectrum of a photograph.
        image = Image.blend(image, layer.resize(size, Image.Resampling.BICUBIC), 1 / 2**octave)
    return ImageOps.autocontrast(image)


def _scatter_shapes(image: Image.Image, random: np.random.RandomState) -> None:
    draw = ImageDraw.Draw(image)
    width, height = image.size
    for number in range(6):
        x, y = random.randint(0, width), random.randint(0, height)
        across, down = random.randint(1, width // 4 + 2), random.randint(1, height // 4 + 2)
        outline = draw.rectangle if number % 2 else draw.ellipse
        outline((x - across, y - down, x + across, y + down), fill=tuple(random.randint(0, 256, 3).tolist()))
