"""From an image file to the upright grey picture that a person would see."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import IO, NamedTuple, cast

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps
from PIL.JpegImagePlugin import JpegImageFile

from hashing.fingerprint.details import details_of
from hashing.fingerprint.fingerprint import FileDetails
from hashing.fingerprint.formats.tiff import SIGNED, UNSIGNED, Samples, samples_of
from hashing.fingerprint.limits import DEFAULT_MAX_PIXELS
from hashing.fingerprint.opening import decoding, open_image, open_picture
from hashing.fingerprint.orientations import IS_FLIPPED, IS_MIRRORED, IS_TRANSPOSED, Orientation

# Larger sides mean a broken header, and do not fit into a column of a database.
MAX_SIDE = 2**31 - 1
# A JPEG is decoded at a reduced scale, but not below this. At 96, 5% fewer hashes are within a bit of the full ones.
DRAFT_SIZE = (128, 128)
MAX_16_BITS = 65535
# The memory of a conversion stays within some megabytes.
TILE_PIXELS = 1 << 20
SIGN_CHANGED = [level ^ 128 for level in range(256)]

TRANSPOSE_METHODS = {
    Orientation.MIRRORED: Image.Transpose.FLIP_LEFT_RIGHT,
    Orientation.HALF_TURN: Image.Transpose.ROTATE_180,
    Orientation.FLIPPED: Image.Transpose.FLIP_TOP_BOTTOM,
    Orientation.TRANSPOSED: Image.Transpose.TRANSPOSE,
    Orientation.TURNED_RIGHT: Image.Transpose.ROTATE_270,
    Orientation.TRANSVERSED: Image.Transpose.TRANSVERSE,
    Orientation.TURNED_LEFT: Image.Transpose.ROTATE_90,
}


class Box(NamedTuple):
    """The part of a reduced picture that shows something, in fractions of a pixel."""

    left: float
    top: float
    right: float
    bottom: float

    def within(self, left: int, top: int, right: int, bottom: int) -> Box:
        """Return where the part is in a crop of the image, without what is cut off."""
        return Box(
            max(self.left - left, 0),
            max(self.top - top, 0),
            min(self.right, right) - left,
            min(self.bottom, bottom) - top,
        )


class Picture(NamedTuple):
    """A decoded picture, upright, `width` x `height` pixels in its file.

    `grey`, in mode L, is smaller where the decoder reduced it. It then has a `box`, because a reduced JPEG ends in the
    middle of a pixel.
    """

    grey: Image.Image
    width: int
    height: int
    details: FileDetails
    box: Box | None = None


class Flat(NamedTuple):
    """A picture on white. `is_transparent`: the white shows through somewhere."""

    image: Image.Image
    is_transparent: bool


def read_picture(file: IO[bytes], max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture:
    """Decode the first frame of an image file.

    Raise the errors of `open_picture`, and `ValueError` or `MemoryError` when the pixels cannot be decoded.
    """
    with open_picture(file, max_pixels) as image:
        width, height = image.size
        box = request_reduced_jpeg(image, "L", DRAFT_SIZE)
        with decoding():
            image.load()
        return upright_grey(image, width, height, box)


def picture_from_pil(image: Image.Image) -> Picture:
    """Return the picture of an open image, which stays unchanged. Raise `ValueError` when it cannot be decoded."""
    with decoding():
        image.load()
    return upright_grey(image, *image.size)


def read_thumbnail(
    file: IO[bytes], longest_side: int, max_pixels: int = DEFAULT_MAX_PIXELS, *, keeps_alpha: bool = False
) -> Image.Image:
    """Return the picture upright, within a square of `longest_side` pixels, without metadata.

    It is in RGB, on white, or in RGBA if it `keeps_alpha`. Raise the errors of `read_picture`.
    """
    size = (longest_side, longest_side)
    with open_picture(file, max_pixels) as image:
        request_reduced_jpeg(image, "RGB", size)
        with decoding():
            image.load()
        orientation = exif_orientation(image)
        factor = max(1, max(image.size) // (2 * longest_side))
        small = with_alpha(image, factor) if keeps_alpha else flatten(image, to_rgb, factor).image
        small.thumbnail(size, Image.Resampling.LANCZOS, reducing_gap=2)
        # Pillow would write the comment of the original into the copy.
        small.info = {}
        return small.transpose(TRANSPOSE_METHODS[orientation]) if orientation in TRANSPOSE_METHODS else small


def declared_size(file: IO[bytes]) -> tuple[int, int] | None:
    """Return the upright width and height in the header of an image file, None if it has no valid one."""
    try:
        with open_image(file) as image:
            width, height = image.size
            # Other formats would have to be decoded to know.
            is_transposed = isinstance(image, JpegImageFile) and exif_orientation(image) in IS_TRANSPOSED
    except Exception:
        return None
    if max(width, height) > MAX_SIDE:
        return None
    return (height, width) if is_transposed else (width, height)


def request_reduced_jpeg(image: Image.Image, mode: str, min_size: tuple[int, int]) -> Box | None:
    """Have a JPEG decoded at a smaller scale, neither side below `min_size`. Return its box if it will be."""
    # HEIF would return the thumbnail inside the file, which need not show the same picture.
    if not isinstance(image, JpegImageFile):
        return None
    size = image.size
    drafted = image.draft(mode, min_size)
    return Box(*drafted[1]) if drafted and image.size != size else None


def upright_grey(image: Image.Image, width: int, height: int, box: Box | None = None) -> Picture:
    # Read after loading: a decoder that turns the picture itself (TIFF, HEIF) has removed the tag by then.
    orientation = exif_orientation(image)
    grey, is_transparent = flatten(image, to_grey)
    if orientation in TRANSPOSE_METHODS:
        grey = grey.transpose(TRANSPOSE_METHODS[orientation])
        box = box and orient_box(box, grey.size, orientation)
    if orientation in IS_TRANSPOSED:
        width, height = height, width
    return Picture(grey, width, height, details_of(image, is_transparent=is_transparent), box)


def orient_box(box: Box, size: tuple[int, int], orientation: int) -> Box:
    """Return the box of a picture that was turned, and has `size` now."""
    left, top, right, bottom = box
    if orientation in IS_TRANSPOSED:
        left, top, right, bottom = top, left, bottom, right
    if orientation in IS_MIRRORED:
        left, right = size[0] - right, size[0] - left
    if orientation in IS_FLIPPED:
        top, bottom = size[1] - bottom, size[1] - top
    return Box(left, top, right, bottom)


def exif_orientation(image: Image.Image) -> Orientation:
    try:
        number = image.getexif().get(ExifTags.Base.Orientation)
    # A broken EXIF block does not affect the pixels.
    except Exception:
        return Orientation.UPRIGHT
    return Orientation(number) if isinstance(number, int) and 1 <= number <= 8 else Orientation.UPRIGHT


def to_grey(image: Image.Image) -> Image.Image:
    return image.getchannel("L") if image.mode == "LAB" else image.convert("L")


def to_rgb(image: Image.Image) -> Image.Image:
    if image.mode != "LAB":
        return image.convert("RGB")
    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    # None only for a conversion in place.
    return cast("Image.Image", ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB"))


def flatten(image: Image.Image, convert: Callable[[Image.Image], Image.Image], factor: int = 1) -> Flat:
    """Return `convert(image)` on white, reduced by a whole factor."""
    is_opaque, is_transparent = is_alpha_unused(image), False

    def transform(tile: Image.Image) -> Image.Image:
        nonlocal is_transparent
        flat = Flat(tile, is_transparent=False) if is_opaque else on_white(tile)
        is_transparent = is_transparent or flat.is_transparent
        return convert(flat.image)

    result = convert_tiles(image, transform, factor)
    return Flat(result, is_transparent)


def with_alpha(image: Image.Image, factor: int) -> Image.Image:
    """Return the image in RGBA, reduced by a whole factor."""
    is_opaque = is_alpha_unused(image)

    def transform(tile: Image.Image) -> Image.Image:
        has_alpha = tile.has_transparency_data and not is_opaque
        return to_rgba(tile) if has_alpha else to_rgb(tile).convert("RGBA")

    return convert_tiles(image, transform, factor)


def convert_tiles(image: Image.Image, convert: Callable[[Image.Image], Image.Image], factor: int) -> Image.Image:
    """Return `convert(image)`, whose samples have 8 bits, reduced by a whole factor.

    Works on a tile at a time: whole copies in between would take several times the memory of the image.
    """
    image = to_eight_bits(image)
    width, height = image.size
    columns = factor * max(1, min(width, TILE_PIXELS) // factor)
    rows = factor * max(1, TILE_PIXELS // columns // factor)
    if columns >= width and rows >= height:
        whole = convert(image)
        return whole if factor == 1 else whole.reduce(factor)
    result = None
    for left, top in product(range(0, width, columns), range(0, height, rows)):
        tile = convert(image.crop((left, top, min(left + columns, width), min(top + rows, height))))
        result = result or Image.new(tile.mode, (-(-width // factor), -(-height // factor)))
        result.paste(tile if factor == 1 else tile.reduce(factor), (left // factor, top // factor))
    return cast("Image.Image", result)


def on_white(image: Image.Image) -> Flat:
    if not image.has_transparency_data:
        return Flat(image, is_transparent=False)
    image = to_rgba(image)
    if image.getchannel("A").getextrema() == (255, 255):
        return Flat(image, is_transparent=False)
    paper = Image.new("RGBA", image.size, "white")
    return Flat(Image.alpha_composite(paper, image), is_transparent=True)


def to_rgba(image: Image.Image) -> Image.Image:
    return (image.convert("LA") if image.mode == "La" else image).convert("RGBA")


def is_alpha_unused(image: Image.Image) -> bool:
    """Whether the fourth channel is zero everywhere in a file that does not declare it as alpha."""
    samples = samples_of(image)
    if image.mode != "RGBA" or not (image.format == "BMP" or (samples and samples.is_alpha_undeclared)):
        return False
    return image.getchannel("A").getextrema() == (0, 0)


def to_eight_bits(image: Image.Image) -> Image.Image:
    """Scale deeper samples to 8 bits a channel, as the file describes them; `convert("L")` would clip them to white.

    Raise `ValueError` when a value is not finite.
    """
    samples = samples_of(image)
    if image.mode.startswith("I;16"):
        return from_16_bits(image, samples)
    if image.mode in {"I", "F"}:
        return from_32_bits(image, samples)
    if image.mode == "LAB" and samples and samples.is_icc_lab:
        # Pillow took a and b for signed numbers.
        lightness, *colours = image.split()
        return Image.merge("LAB", [lightness, *(colour.point(SIGN_CHANGED) for colour in colours)])
    if image.mode == "L" and samples and samples.sample_format == SIGNED:
        grey = image.point(SIGN_CHANGED)
        return ImageOps.invert(grey) if samples.white_is_zero else grey
    return image


def from_16_bits(image: Image.Image, samples: Samples | None) -> Image.Image:
    grey = scale_to_grey(image.convert("I"), *((samples and samples.black_and_white) or (0, MAX_16_BITS)))
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey.putalpha(Image.fromarray(np.asarray(image) != transparent).convert("L"))
    return grey


def from_32_bits(image: Image.Image, samples: Samples | None) -> Image.Image:
    if samples and (samples.sample_format, samples.bits) == (UNSIGNED, 32):
        # Pillow took them for signed numbers.
        image = Image.fromarray(np.asarray(image).view(np.uint32).astype(np.float32))
    low, high = cast("tuple[float, float]", image.getextrema())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("pixel values are not finite")
    if samples:
        low, high = samples.black_and_white or ((high, low) if samples.white_is_zero else (low, high))
    elif image.format == "PPM" and image.mode == "I":
        low, high = 0, MAX_16_BITS
    elif image.mode == "I" and low >= 0 and high <= MAX_16_BITS:
        low, high = 0, 255 if high <= 255 else MAX_16_BITS
    return scale_to_grey(image, low, high)


def scale_to_grey(image: Image.Image, black: float, white: float) -> Image.Image:
    scale = 255 / (white - black) if white != black else 0.0
    grey = image.point(lambda value: value * scale - black * scale).convert("L")
    grey.info.pop("transparency", None)
    return grey
