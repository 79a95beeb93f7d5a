"""What is decoded while somebody waits for a page. It happens in another process, which imports this module.

Pillow and NumPy are imported there alone.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, BinaryIO, NamedTuple

from hashing.fingerprint.limits import DecodingLimit, DecodingLimits, check_file_size
from hashing.workers.decoder import decoder
from hashing.workers.storages import local_copy
from hashing.workers.worker import Job, Outcome, describe_failure, digest_content, hash_opening, hash_picture

QUALITY = 82
# The slower methods save few bytes.
WEBP_METHOD = 1


class ImageHeader(NamedTuple):
    """The format of an image file, as Pillow names it, and its size before EXIF rotation."""

    file_format: str
    width: int
    height: int


def hash_stored(job: Job, storage: Any, limits: DecodingLimits) -> Outcome:
    """Hash a file, and return any error as the outcome. `storage` may be None for a job with a path."""
    opening = nullcontext(job.path) if job.path is not None else local_copy(storage, job.name or "", limits.max_bytes)
    try:
        return hash_opening(job, opening, lambda path: hash_file(job._replace(path=path), limits))
    except DecodingLimit as error:
        return Outcome(job.pk, job.name, deferred=str(error))


def hash_file(job: Job, limits: DecodingLimits) -> Outcome:
    """Hash the file at the path of a job. Raise `DecodingLimit`, and whatever opening the file raises."""
    return decoder.run(limits, hash_file_here, job, limits)


def make_thumbnail(path: str, longest_side: int, limits: DecodingLimits, *, keeps_alpha: bool = False) -> bytes:
    """Return a picture within a square of `longest_side` pixels: a JPEG on white, or a WebP that `keeps_alpha`.

    Raise `DecodingLimit`, `FileTooLarge`, the errors of `open_picture`, and `OSError` if the file cannot be read.
    """
    return decoder.run(limits, make_thumbnail_here, path, longest_side, limits, keeps_alpha)


def read_header(path: str, limits: DecodingLimits) -> ImageHeader:
    """Return what a file declares. Raise the errors of `make_thumbnail`."""
    return decoder.run(limits, read_header_here, path, limits)


def verify_file(path: str, limits: DecodingLimits) -> None:
    """Check that a file is a picture, without decoding it. Raise the errors of `make_thumbnail`."""
    decoder.run(limits, verify_file_here, path, limits)


def hash_file_here(job: Job, limits: DecodingLimits) -> Outcome:
    from hashing.fingerprint.cost import check_cost

    with open_within(job.path or "", limits) as file:
        read = digest_content(job, file)
        if limits.max_decoded_pixels is not None:
            check_cost(file, limits)
        try:
            return hash_picture(read, file, limits.max_pixels)
        except ValueError as error:
            return describe_failure(read, file, error)


def make_thumbnail_here(path: str, longest_side: int, limits: DecodingLimits, keeps_alpha: bool) -> bytes:  # noqa: FBT001
    from hashing.fingerprint.cost import check_cost
    from hashing.fingerprint.decoding import read_thumbnail

    with open_within(path, limits) as file:
        check_cost(file, limits, (longest_side, longest_side))
        image = read_thumbnail(file, longest_side, limits.max_pixels, keeps_alpha=keeps_alpha)
    buffer = io.BytesIO()
    if keeps_alpha:
        image.save(buffer, "WEBP", quality=QUALITY, method=WEBP_METHOD)
    else:
        image.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def read_header_here(path: str, limits: DecodingLimits) -> ImageHeader:
    from hashing.fingerprint.cost import check_scans, check_structure
    from hashing.fingerprint.opening import open_picture

    with open_within(path, limits) as file:
        check_structure(file, limits)
        with open_picture(file, limits.max_pixels) as image:
            check_scans(file, image)
            return ImageHeader(image.format or "", *image.size)


def verify_file_here(path: str, limits: DecodingLimits) -> None:
    from hashing.fingerprint.cost import check_structure
    from hashing.fingerprint.opening import verify_picture

    with open_within(path, limits) as file:
        check_structure(file, limits)
        verify_picture(file, limits.max_pixels)


@contextmanager
def open_within(path: str, limits: DecodingLimits) -> Iterator[BinaryIO]:
    from hashing.fingerprint.opening import open_regular_file

    with open_regular_file(path) as file:
        check_file_size(os.fstat(file.fileno()).st_size, limits.max_bytes)
        yield file
