from __future__ import annotations

from typing import NamedTuple

FILE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .apng .webp .gif .avif .avifs .heic .heics .heif .heifs .hif .tif .tiff .bmp .dib"
    " .jp2 .j2k .j2c .jpc .jpf .jpx .mpo .pbm .pgm .ppm .pnm".split()
)
# A picture that declares more is not decoded. Above the 200 megapixels of telephones.
DEFAULT_MAX_PIXELS = 256_000_000
# Far larger than photographs, and small enough for a worker, which reads the whole file.
DEFAULT_MAX_BYTES = 512 << 20
# What a worker may need for one picture, beyond what it needs to run.
DEFAULT_MAX_MEMORY = 2 << 30


class DecodingLimits(NamedTuple):
    """What decoding one file may take. None means no limit.

    `max_pixels` holds for the declared size, `max_decoded_pixels` for what is left of it at a reduced scale. `seconds`
    and `max_memory` (bytes) are enforced while the file is decoded. With `seconds_of_request`, all files of a request
    have these seconds together.
    """

    max_pixels: int = DEFAULT_MAX_PIXELS
    max_bytes: int = DEFAULT_MAX_BYTES
    max_memory: int | None = DEFAULT_MAX_MEMORY
    seconds: float = 60
    max_decoded_pixels: int | None = None
    seconds_of_request: bool = False


class FileTooLarge(Exception):
    """The file has more bytes than allowed, and was not read completely."""

    def __init__(self, size: int, max_bytes: int) -> None:
        super().__init__(size, max_bytes)

    def __str__(self) -> str:
        return "{} bytes, more than MAX_BYTES ({})".format(*self.args)


class DecodingLimit(ValueError):
    """Decoding the file takes more time or memory than allowed here, or would. Elsewhere, it may succeed."""


def check_file_size(size: int, max_bytes: int) -> None:
    """Raise `FileTooLarge` above `max_bytes`."""
    if size > max_bytes:
        raise FileTooLarge(size, max_bytes)


def megabytes(size: int) -> str:
    """Return a size in bytes as a text: `256 MB`."""
    return f"{size / (1 << 20):,.0f} MB"
