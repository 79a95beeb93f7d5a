from __future__ import annotations

FILE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .apng .webp .gif .avif .avifs .heic .heics .heif .heifs .hif .tif .tiff .bmp .dib"
    " .jp2 .j2k .j2c .jpc .jpf .jpx .mpo .pbm .pgm .ppm .pnm".split()
)
# A picture that declares more is not decoded. Above this, Pillow raises an error by default.
DEFAULT_MAX_PIXELS = 178_956_970
# Far larger than photographs, and small enough for a worker, which reads the whole file.
DEFAULT_MAX_BYTES = 512 << 20


class FileTooLarge(Exception):
    """The file has more bytes than allowed, and was not read completely."""

    def __init__(self, size: int, max_bytes: int) -> None:
        super().__init__(f"{size} bytes, more than MAX_BYTES ({max_bytes})")


def check_file_size(size: int, max_bytes: int) -> None:
    """Raise `FileTooLarge` above `max_bytes`."""
    if size > max_bytes:
        raise FileTooLarge(size, max_bytes)
