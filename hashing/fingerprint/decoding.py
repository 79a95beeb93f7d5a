"""Decodes image files to upright pictures: in grey for the hashes, in colour for previews."""

from __future__ import annotations

from typing import IO, NamedTuple

from PIL import ExifTags, Image
from PIL.JpegImagePlugin import JpegImageFile

from hashing.fingerprint.details import details_of
from hashing.fingerprint.fingerprint import FileDetails
from hashing.fingerprint.limits import DEFAULT_MAX_PIXELS
from hashing.fingerprint.modes import flatten, to_grey, to_rgb, with_alpha
from hashing.fingerprint.opening import decoding, open_image, open_picture
from hashing.fingerprint.orientations import IS_FLIPPED, IS_MIRRORED, IS_TRANSPOSED, Orientation

# Larger sides mean a broken header, and do not fit into a column of a database.
MAX_SIDE = 2**31 - 1
# A JPEG is decoded at a reduced scale, but not below this. At 96, 5% fewer hashes are within a bit of the full ones.
DRAFT_SIZE = (128, 128)

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
