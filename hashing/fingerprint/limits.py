"""What an image file may be called, measure and weigh."""

from __future__ import annotations

FILE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .apng .webp .gif .avif .avifs .heic .heics .heif .heifs .hif .tif .tiff .bmp .dib"
    " .jp2 .j2k .j2c .jpc .jpf .jpx .mpo .pbm .pgm .ppm .pnm".split()
)
# Pillow's own limit for an error, as it is by default; a picture that declares more is not decoded.
DEFAULT_MAX_PIXELS = 178_956_970
# Far above any photograph, and what one worker can hold: a file is read whole.
DEFAULT_MAX_BYTES = 512 << 20


class FileTooLarge(Exception):
    """The file has more bytes than are allowed, and was not read to its end."""

    def __init__(self, size: int, max_bytes: int) -> None:
        super().__init__(f"{size} bytes, more than MAX_BYTES ({max_bytes})")


def refuse_too_large(size: int, max_bytes: int) -> None:
    """Raises `FileTooLarge`."""
    if size > max_bytes:
        raise FileTooLarge(size, max_bytes)
