"""Opening image files within the limits: of formats, of the declared size, and of what a decoder may raise."""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, BinaryIO

from PIL import Image

from hashing.fingerprint.formats.avif import open_avif
from hashing.fingerprint.formats.bmp import open_bmp
from hashing.fingerprint.formats.gif import open_gif
from hashing.fingerprint.formats.jpeg import open_jpeg
from hashing.fingerprint.formats.jpeg2000 import Jpeg2000
from hashing.fingerprint.formats.png import open_png
from hashing.fingerprint.formats.tiff import FirstPage
from hashing.fingerprint.limits import DEFAULT_MAX_PIXELS

# Pillow opens many more. Those left out start an outside program (EPS and its kin), cannot be recognised by their first
# bytes (TGA), or are never photographs on a site.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "TIFF", "BMP", "JPEG2000", "MPO", "PPM")
# Used where Pillow's own opener refuses or misreads files that are fine.
OPENERS: dict[str, Callable[[IO[bytes], str], Image.Image]] = {
    "AVIF": open_avif,
    "BMP": open_bmp,
    "GIF": open_gif,
    "JPEG": open_jpeg,
    "JPEG2000": Jpeg2000,
    "PNG": open_png,
    "TIFF": FirstPage,
}


def open_regular_file(path: str | Path) -> BinaryIO:
    """Open a file for reading. Raise `OSError` if it is missing, unreadable, or no regular file (a folder, a pipe)."""
    # Without O_NONBLOCK, opening a pipe would wait for a process that writes to it.
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


@contextmanager
def open_picture(file: IO[bytes], max_pixels: int = DEFAULT_MAX_PIXELS) -> Iterator[Image.Image]:
    """Open an image file; its pixels are not decoded yet. Decode them within `decoding()`.

    Raise `ValueError` when the content is in none of `FORMATS` or declares more than `max_pixels`, `MemoryError` when
    there is too little memory, and `OSError` when the file cannot be read.
    """
    with decoding():
        image = open_image(file)
    with image:
        width, height = image.size
        if width * height > max_pixels:
            raise ValueError(f"{width} x {height} pixels declared, more than the {max_pixels} allowed")
        yield image


def verify_picture(file: IO[bytes], max_pixels: int = DEFAULT_MAX_PIXELS) -> None:
    """Check a picture without decoding its pixels. Raise the errors of `open_picture`."""
    with open_picture(file, max_pixels) as image, decoding():
        image.verify()


@contextmanager
def decoding() -> Iterator[None]:
    """Turn whatever a decoder raises into `ValueError`, `MemoryError` or, if the file cannot be read, `OSError`."""
    try:
        yield
    except Exception as error:
        raise decoding_error(error) from error


def decoding_error(error: Exception) -> Exception:
    # Pillow's codecs report a lack of memory by the message alone.
    if isinstance(error, MemoryError) or str(error).startswith("out of memory"):
        return MemoryError("not enough memory to decode it")
    # Only the system sets an error number: then the file could not be read, and its content may be fine. EINVAL is the
    # exception: a broken file sent its decoder to an impossible position.
    if isinstance(error, OSError) and error.errno not in {None, errno.EINVAL}:
        return error
    return ValueError(str(error).strip() or type(error).__name__)


def open_image(file: IO[bytes]) -> Image.Image:
    """Open one of `FORMATS` as `Image.open` does, without its limit of pixels, which belongs to the whole process."""
    file.seek(0)
    beginning = file.read(16)
    if not beginning:
        raise ValueError("the file is empty")
    first_error = None
    for name in known_formats():
        opener, accept = Image.OPEN[name]
        # `accept` may return a text: this build of Pillow lacks the decoder.
        if accept is None or accept(beginning) is True:
            file.seek(0)
            try:
                return OPENERS.get(name, opener)(file, "")
            # Another format may begin in the same way.
            except (SyntaxError, IndexError, TypeError, struct.error) as error:
                first_error = first_error or ValueError(f"{name}: {error}")
    raise first_error or ValueError("not an image in a supported format")


@cache
def known_formats() -> tuple[str, ...]:
    """Return those of `FORMATS` that this Pillow reads, and load their decoders."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:  # HEIF is optional
        pass
    else:
        register_heif_opener()
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)
