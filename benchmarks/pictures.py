"""Pictures for `benchmarks.answers`: edited copies, as pictures change on their way through the web, and documents."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable

from PIL import ExifTags, Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

Edit = Callable[[Image.Image], bytes]

QUALITY = 88
STORED_TURNED = 6
WORDS = (
    "the of and to in is that for it as was with be by on not he his but at are this have from or had an they which one"
    " you were all her she there would their we him been has when who will no more if out so up said what its about"
).split()
DARK = ("#202020", "#1a5fb4", "#26a269", "#c01c28", "#613583", "#865e3c")


def encode(image: Image.Image, image_format: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **({"quality": QUALITY} if image_format == "JPEG" else {}) | options)
    return buffer.getvalue()


def turn_by_exif(image: Image.Image) -> bytes:
    """Store the picture on its side, with the tag that says so."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = STORED_TURNED
    return encode(image.transpose(Image.Transpose.ROTATE_90), exif=exif)


def crop(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    """Cut these shares of the width and of the height off."""
    width, height = image.size
    return image.crop(
        (round(width * left), round(height * top), round(width * (1 - right)), round(height * (1 - bottom)))
    )


def rotate(image: Image.Image, degrees: float = 2) -> Image.Image:
    """Rotate about the middle, and crop to the largest part of the same shape without empty corners."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    width, height = image.size
    share = min(width / (width * cosine + height * sine), height / (width * sine + height * cosine))
    left, top = math.ceil(width * (1 - share) / 2) + 1, math.ceil(height * (1 - share) / 2) + 1
    return image.rotate(degrees, Image.Resampling.BICUBIC).crop((left, top, width - left, height - top))


def add_watermark(image: Image.Image) -> Image.Image:
    """Write half-transparent white capitals across the middle, over 80% of the width."""
    layer, text = Image.new("L", image.size), "SAMPLE"
    size = 100 * 0.8 * image.width / ImageFont.load_default(100).getlength(text)
    middle = (image.width / 2, image.height / 2)
    ImageDraw.Draw(layer).text(middle, text, fill=128, font=ImageFont.load_default(size), anchor="mm")
    return Image.composite(Image.new("RGB", image.size, "white"), image, layer)


def add_logo(image: Image.Image) -> Image.Image:
    """Draw an opaque disc in the lower right corner, an eighth of the width across."""
    copy, side = image.copy(), image.width // 8
    box = (image.width - side - 8, image.height - side - 8, image.width - 8, image.height - 8)
    ImageDraw.Draw(copy).ellipse(box, fill="#c01c28", outline="white", width=2)
    return copy


def add_noise(image: Image.Image) -> Image.Image:
    noise = Image.effect_noise(image.size, 8)
    return Image.merge("RGB", [ImageChops.add(channel, noise, offset=-128) for channel in image.split()])


def put_on(image: Image.Image, size: tuple[int, int], colour: str) -> Image.Image:
    """Put the picture in the middle of a larger one of one colour."""
    page = Image.new("RGB", size, colour)
    page.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
    return page


def letterbox(image: Image.Image) -> Image.Image:
    """Put the picture on a black telephone screen of 9:16, as wide as the screen."""
    return put_on(image, (image.width, max(image.height, round(image.width * 16 / 9))), "black")


def pad(image: Image.Image) -> Image.Image:
    """Put the picture on a white square, a fifth wider than its longer side."""
    side = round(1.2 * max(image.size))
    return put_on(image, (side, side), "white")


FRAMED: dict[str, Edit] = {
    "border of 2%": lambda image: encode(ImageOps.expand(image, round(image.width * 0.02), "black")),
    "white border of 5%": lambda image: encode(ImageOps.expand(image, round(image.width * 0.05), "white")),
    "letterbox of 9:16": lambda image: encode(letterbox(image)),
    "padded white square": lambda image: encode(pad(image)),
}
UPRIGHT: dict[str, Edit] = {
    "half the size": lambda image: encode(ImageOps.scale(image, 0.5, Image.Resampling.LANCZOS)),
    "JPEG quality 30": lambda image: encode(image, quality=30),
    "JPEG quality 10": lambda image: encode(image, quality=10),
    "as PNG": lambda image: encode(image, "PNG", compress_level=1),
    "as WebP": lambda image: encode(image, "WEBP", quality=80),
    "turned by its EXIF tag": turn_by_exif,
    "brightness x 1.3": lambda image: encode(ImageEnhance.Brightness(image).enhance(1.3)),
    "contrast x 1.3": lambda image: encode(ImageEnhance.Contrast(image).enhance(1.3)),
    "grey": lambda image: encode(image.convert("L")),
    "blurred": lambda image: encode(image.filter(ImageFilter.GaussianBlur(1.5))),
    "noise": lambda image: encode(add_noise(image)),
    "watermark": lambda image: encode(add_watermark(image)),
    "logo": lambda image: encode(add_logo(image)),
    "5% cropped, all round": lambda image: encode(crop(image, 0.025, 0.025, 0.025, 0.025)),
    "5% cropped, on the left": lambda image: encode(crop(image, 0.05, 0, 0, 0)),
    "rotated by 2°": lambda image: encode(rotate(image)),
    "rotated by 2°, cropped by 3%": lambda image: encode(crop(image.rotate(2), 0.03, 0.03, 0.03, 0.03)),
    **FRAMED,
}
TURNED: dict[str, Edit] = {
    "mirrored": lambda image: encode(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    "flipped": lambda image: encode(image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)),
    "turned right": lambda image: encode(image.transpose(Image.Transpose.ROTATE_270)),
    "turned by 180°": lambda image: encode(image.transpose(Image.Transpose.ROTATE_180)),
    "turned left": lambda image: encode(image.transpose(Image.Transpose.ROTATE_90)),
}


def draw_text_page(dice: random.Random) -> Image.Image:
    page = Image.new("RGB", (620, 877), "white")
    draw, font, y = ImageDraw.Draw(page), ImageFont.load_default(14), 60
    while y < 810:
        for _ in range(dice.randint(3, 9)):
            line = ""
            while font.getlength(line) < 470:
                line += dice.choice(WORDS) + " "
            draw.text((60, y), line, fill="black", font=font)
            y += 20
        y += dice.choice((10, 20, 30))
    return page


def draw_product(dice: random.Random) -> Image.Image:
    """Draw some rounded parts in two colours in the middle of a white square."""
    page = Image.new("RGB", (500, 500), "white")
    draw, colours = ImageDraw.Draw(page), dice.sample(DARK, 2)
    for _ in range(dice.randint(2, 5)):
        x, y = dice.randint(120, 280), dice.randint(120, 280)
        box = (x, y, x + dice.randint(40, 140), y + dice.randint(40, 140))
        draw.rounded_rectangle(box, dice.randint(0, 40), fill=dice.choice(colours))
    return page


DOCUMENTS = {"text pages": draw_text_page, "products on white": draw_product}
