"""What happens to a picture on its way through the web: each edit makes the file of an edited copy."""

from __future__ import annotations

import io
import math
from collections.abc import Callable

from PIL import ExifTags, Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

Edit = Callable[[Image.Image], bytes]
Change = Callable[[Image.Image], Image.Image]

QUALITY = 88
STORED_TURNED = 6


def half_size(image: Image.Image) -> Image.Image:
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)


def cropped_all_round(image: Image.Image) -> Image.Image:
    """5% less in width and in height, from the middle."""
    across, down = image.width * 0.025, image.height * 0.025
    return image.crop((round(across), round(down), round(image.width - across), round(image.height - down)))


def cropped_on_the_left(image: Image.Image) -> Image.Image:
    return image.crop((round(image.width * 0.05), 0, image.width, image.height))


def rotated(image: Image.Image, degrees: float = 2) -> Image.Image:
    """Turned about the middle, and cut to the largest part of the same shape that is full."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    width, height = image.size
    share = min(width / (width * cosine + height * sine), height / (width * sine + height * cosine))
    left, top = math.ceil(width * (1 - share) / 2) + 1, math.ceil(height * (1 - share) / 2) + 1
    return image.rotate(degrees, Image.Resampling.BICUBIC).crop((left, top, width - left, height - top))


def watermarked(image: Image.Image) -> Image.Image:
    """Half-transparent white capitals across the middle, over 80% of the width."""
    layer = Image.new("L", image.size)
    text, font = "SAMPLE", ImageFont.load_default(100)
    size = 100 * 0.8 * image.width / font.getlength(text)
    middle = (image.width / 2, image.height / 2)
    ImageDraw.Draw(layer).text(middle, text, fill=128, font=ImageFont.load_default(size), anchor="mm")
    return Image.composite(Image.new("RGB", image.size, "white"), image, layer)


def with_logo(image: Image.Image) -> Image.Image:
    """An opaque disc in the lower right corner, an eighth of the width across."""
    copy, side = image.copy(), image.width // 8
    box = (image.width - side - 8, image.height - side - 8, image.width - 8, image.height - 8)
    ImageDraw.Draw(copy).ellipse(box, fill="#c01c28", outline="white", width=2)
    return copy


def rotated_and_cropped(image: Image.Image) -> Image.Image:
    """Turned by 2 degrees without being cut to what is full, but by 3% on each side: the corners are black."""
    turned = image.rotate(2, Image.Resampling.BICUBIC)
    across, down = round(image.width * 0.03), round(image.height * 0.03)
    return turned.crop((across, down, image.width - across, image.height - down))


def noisy(image: Image.Image) -> Image.Image:
    noise = Image.effect_noise(image.size, 8)
    return Image.merge("RGB", [ImageChops.add(channel, noise, offset=-128) for channel in image.convert("RGB").split()])


def jpeg(image: Image.Image, quality: int = QUALITY) -> bytes:
    return encoded(image, "JPEG", quality=quality)


def encoded(image: Image.Image, image_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def turned_by_exif(image: Image.Image) -> bytes:
    """Stored lying on its side, with the tag that says so."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = STORED_TURNED
    return encoded(image.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=QUALITY, exif=exif)


def saved_after(change: Change) -> Edit:
    return lambda image: jpeg(change(image))


UPRIGHT: dict[str, Edit] = {
    "half the size": saved_after(half_size),
    "JPEG quality 30": lambda image: jpeg(image, 30),
    "JPEG quality 10": lambda image: jpeg(image, 10),
    "as PNG": lambda image: encoded(image, "PNG", compress_level=1),
    "as WebP": lambda image: encoded(image, "WEBP", quality=80),
    "turned by its EXIF tag": turned_by_exif,
    "brightness x 1.3": saved_after(lambda image: ImageEnhance.Brightness(image).enhance(1.3)),
    "contrast x 1.3": saved_after(lambda image: ImageEnhance.Contrast(image).enhance(1.3)),
    "grey": saved_after(lambda image: image.convert("L")),
    "blurred": saved_after(lambda image: image.filter(ImageFilter.GaussianBlur(1.5))),
    "noise": saved_after(noisy),
    "watermark": saved_after(watermarked),
    "logo": saved_after(with_logo),
    "5% cropped, all round": saved_after(cropped_all_round),
    "5% cropped, on the left": saved_after(cropped_on_the_left),
    "rotated by 2°": saved_after(rotated),
    "rotated by 2°, cropped by 3%": saved_after(rotated_and_cropped),
    "border of 2%": saved_after(lambda image: ImageOps.expand(image, round(image.width * 0.02), "black")),
}

TURNED: dict[str, Edit] = {
    "mirrored": saved_after(lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    "flipped": saved_after(lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)),
    "turned right": saved_after(lambda image: image.transpose(Image.Transpose.ROTATE_270)),
    "turned by 180°": saved_after(lambda image: image.transpose(Image.Transpose.ROTATE_180)),
    "turned left": saved_after(lambda image: image.transpose(Image.Transpose.ROTATE_90)),
}
