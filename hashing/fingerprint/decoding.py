"""From a file to the grey picture that a person would see: the first half of the hash, with Pillow alone."""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple, cast

from PIL import ExifTags, Image, ImageCms
from PIL.JpegImagePlugin import JpegImageFile

from hashing.fingerprint.eight_bits import to_eight_bits
from hashing.fingerprint.formats.avif import open_avif
from hashing.fingerprint.formats.bmp import open_bmp
from hashing.fingerprint.formats.gif import FirstFrame
from hashing.fingerprint.formats.jpeg import open_jpeg
from hashing.fingerprint.formats.jpeg2000 import Jpeg2000
from hashing.fingerprint.formats.png import PixelsOfPng
from hashing.fingerprint.formats.tiff import FirstPage, samples_of
from hashing.fingerprint.limits import DEFAULT_MAX_PIXELS

# Pillow opens many more. What is left out either starts an outside program (EPS and its kin), cannot be told by its
# first bytes (TGA), or is never a photograph on a site.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "TIFF", "BMP", "JPEG2000", "MPO", "PPM")
# Above this, a side is no size but a broken header; a database could not store it either.
MAX_SIDE = 2**31 - 1
# A JPEG is decoded at a reduced scale, but never below this. At 96, 5% fewer hashes are within a bit of the full ones.
DRAFT_SIZE = (128, 128)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDES_SWAPPED = {5, 6, 7, 8}
_LEFT_IS_RIGHT = {2, 3, 6, 7}
_TOP_IS_BOTTOM = {3, 4, 7, 8}
# Where the decoder of Pillow refuses too much, or sees too little of a picture.
_FACTORIES: dict[str, Callable[[IO[bytes], str], Image.Image]] = {
    "AVIF": open_avif,
    "BMP": open_bmp,
    "GIF": FirstFrame,
    "JPEG": open_jpeg,
    "JPEG2000": Jpeg2000,
    "PNG": PixelsOfPng,
    "TIFF": FirstPage,
}

Box = tuple[float, float, float, float]


class Picture(NamedTuple):
    """A decoded picture, upright, `width` x `height` pixels in its file.

    `grey`, in mode L, is smaller where the decoder reduced it. `box` then says what of it shows the picture: left, top,
    right and bottom, in fractions of a pixel, because a reduced JPEG ends in the middle of one.
    """

    grey: Image.Image
    width: int
    height: int
    box: Box | None = None


def open_regular_file(path: str | Path) -> BinaryIO:
    """Open a file for reading; `OSError` for what is missing, unreadable, or no ordinary file (a folder, a pipe)."""
    # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    # A NUL byte, or characters that the file system cannot encode.
    except ValueError as error:
        raise OSError(f"not a file name: {error}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a regular file")
    return os.fdopen(descriptor, "rb")


def read_picture(file: IO[bytes], max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture:
    """Decode the first frame of an image file.

    Raises `ValueError` when the content is in none of `FORMATS`, declares more than `max_pixels`, or cannot be
    decoded, `MemoryError` when there is not enough memory to decode it, and `OSError` when the file cannot be read.
    No other exception of a decoder passes.
    """
    with open_picture(file, max_pixels) as image:
        width, height = image.size
        box = _decode_reduced(image, "L", DRAFT_SIZE)
        with decoding():
            image.load()
        return _upright(image, width, height, box)


def read_thumbnail(file: IO[bytes], longest_side: int, max_pixels: int = DEFAULT_MAX_PIXELS) -> Image.Image:
    """The picture in RGB, upright, on white, neither side longer than that. Raises as `read_picture` does."""
    box = (longest_side, longest_side)
    with open_picture(file, max_pixels) as image:
        _decode_reduced(image, "RGB", box)
        with decoding():
            image.load()
        orientation = _orientation(image)
        whole = _on_white(to_eight_bits(image))
        small = _coloured(whole)
        small.thumbnail(box, Image.Resampling.LANCZOS, reducing_gap=2)
        return small.transpose(_TURNS[orientation]) if orientation in _TURNS else small


def declared_size(file: IO[bytes]) -> tuple[int, int] | None:
    """Return the upright width and height in the header of an image file, None where it has no sound one."""
    try:
        with _open(file) as image:
            width, height = image.size
            # Other formats would be decoded to tell.
            swapped = isinstance(image, JpegImageFile) and _orientation(image) in _SIDES_SWAPPED
    except Exception:
        return None
    if max(width, height) > MAX_SIDE:
        return None
    return (height, width) if swapped else (width, height)


@contextmanager
def open_picture(file: IO[bytes], max_pixels: int = DEFAULT_MAX_PIXELS) -> Iterator[Image.Image]:
    """A picture whose pixels are not decoded yet. Raises as `read_picture` does; decode it within `decoding()`."""
    with decoding():
        image = _open(file)
    with image:
        _refuse_oversize(image, max_pixels)
        yield image


def verify_picture(file: IO[bytes], max_pixels: int = DEFAULT_MAX_PIXELS) -> None:
    """Check as much of a picture as can be checked without decoding its pixels. Raises as `read_picture` does."""
    with open_picture(file, max_pixels) as image, decoding():
        image.verify()


@contextmanager
def decoding() -> Iterator[None]:
    """Around calls of a decoder, which may raise anything.

    Raises `MemoryError` where the memory was not enough, `OSError` where the file could not be read, and `ValueError`
    for everything else.
    """
    try:
        yield
    except Exception as error:
        raise _decoding_error(error) from error


def picture_from_pil(image: Image.Image) -> Picture:
    """The same for an open image, which stays as it is. Raises `ValueError` as `read_picture` does."""
    with decoding():
        image.load()
    return _upright(image, *image.size)


def _decoding_error(error: Exception) -> Exception:
    """One `ValueError` for all that decoders raise: SyntaxError, struct.error, KeyError, NotImplementedError..."""
    # Codecs of Pillow tell a lack of memory by their text alone.
    if isinstance(error, MemoryError) or str(error).startswith("out of memory"):
        return MemoryError("not enough memory to decode it")
    # Only the system sets the number: the file could not be read, which says nothing about its content. But for EINVAL:
    # there a broken file sent its decoder to a position that no file has.
    if isinstance(error, OSError) and error.errno not in {None, errno.EINVAL}:
        return error
    return ValueError(str(error) or type(error).__name__)


@cache
def known_formats() -> tuple[str, ...]:
    """Return those of `FORMATS` that this Pillow reads, and load their decoders."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        pass
    else:
        register_heif_opener()
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _open(file: IO[bytes]) -> Image.Image:
    """What `Image.open` does, but without a limit that belongs to the whole process."""
    file.seek(0)
    beginning = file.read(16)
    if not beginning:
        raise ValueError("the file is empty")
    first_error = None
    for name in known_formats():
        factory, accept = Image.OPEN[name]
        # A text instead says that this build of Pillow lacks the decoder.
        if accept is None or accept(beginning) is True:
            file.seek(0)
            try:
                return _FACTORIES.get(name, factory)(file, "")
            # It may still be of another format that begins in the same way.
            except (SyntaxError, IndexError, TypeError, struct.error) as error:
                first_error = first_error or ValueError(f"{name}: {error}")
    raise first_error or ValueError("not an image in a supported format")


def _refuse_oversize(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise ValueError(f"{width} x {height} pixels declared, more than the {max_pixels} allowed")


def _decode_reduced(image: Image.Image, mode: str, least: tuple[int, int]) -> Box | None:
    """Have a JPEG decoded at a smaller scale, neither side below `least`. Return its box if it is."""
    # HEIF would answer with the thumbnail inside the file, which need not show the same.
    if not isinstance(image, JpegImageFile):
        return None
    size = image.size
    drafted = image.draft(mode, least)
    return drafted[1] if drafted and image.size != size else None


def _upright(image: Image.Image, width: int, height: int, box: Box | None = None) -> Picture:
    # Asked for after loading: a decoder that turns the picture itself (TIFF, HEIF) has taken the tag away by then.
    orientation = _orientation(image)
    grey = _grey(_on_white(to_eight_bits(image)))
    if orientation in _TURNS:
        grey = grey.transpose(_TURNS[orientation])
        box = box and _turned(box, grey.size, orientation)
    if orientation in _SIDES_SWAPPED:
        width, height = height, width
    return Picture(grey, width, height, box)


def _turned(box: Box, size: tuple[int, int], orientation: int) -> Box:
    """Return the box of a picture that was turned, and has `size` now."""
    left, top, right, bottom = box
    if orientation in _SIDES_SWAPPED:
        left, top, right, bottom = top, left, bottom, right
    if orientation in _LEFT_IS_RIGHT:
        left, right = size[0] - right, size[0] - left
    if orientation in _TOP_IS_BOTTOM:
        top, bottom = size[1] - bottom, size[1] - top
    return left, top, right, bottom


def _orientation(image: Image.Image) -> int:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    # A broken EXIF block says nothing about the pixels.
    except Exception:
        return 1
    return orientation if isinstance(orientation, int) else 1


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    if image.mode == "La":
        image = image.convert("LA")
    if _is_alpha_unused(image):
        return image.convert("RGB")
    paper = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(paper, image.convert("RGBA"))


def _is_alpha_unused(image: Image.Image) -> bool:
    """Whether a file that does not say what its fourth channel is for left it at zero."""
    samples = samples_of(image)
    if image.mode != "RGBA" or not (image.format == "BMP" or (samples and samples.is_alpha_unsaid)):
        return False
    return image.getchannel("A").getextrema() == (0, 0)


def _coloured(image: Image.Image) -> Image.Image:
    if image.mode != "LAB":
        return image.convert("RGB")
    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    shown = ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB")  # None only where it changes the image itself
    return cast("Image.Image", shown)


def _grey(image: Image.Image) -> Image.Image:
    if image.mode == "LAB":
        return image.getchannel("L")
    return image.convert("L")
