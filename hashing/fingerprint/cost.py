"""Estimates what decoding a file would take, from its structure alone, in milliseconds."""

from __future__ import annotations

import os
import re
from typing import IO

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from hashing.fingerprint.decoding import DRAFT_SIZE, request_reduced_jpeg
from hashing.fingerprint.formats.jpeg import find_picture_segments
from hashing.fingerprint.limits import DecodingLimit, DecodingLimits, megabytes
from hashing.fingerprint.opening import open_picture

# Bytes of memory for a pixel at the peak, with the conversions that follow, as measured. The rest depends on the mode.
FORMAT_MEMORY = {"WEBP": 17, "JPEG2000": 25, "AVIF": 12, "HEIF": 12, "TIFF": 11}
MODE_MEMORY = {"1": 4, "L": 4, "P": 4, "RGB": 6, "CMYK": 6, "YCbCr": 6, "RGBA": 7, "LA": 7, "PA": 7}
DEEP_MODE_MEMORY = 11
COEFFICIENT_SIZE = 2
# For a pixel of the longer side: decoders keep whole rows, and Pillow pointers to them.
ROW_MEMORY = 16
# Also for a pixel of the longer side: its weights in the cells of the grid. Where many weights are equal, one is kept.
WEIGHT_MEMORY, MAX_WEIGHT_MEMORY = 400, 50 << 20
# Chunks of a PNG are read one by one, in Python. Usual writers fill 8 KB each.
MAX_PNG_CHUNKS = 100_000
# A progressive JPEG has about ten scans, and each one goes over all pixels of the picture.
MAX_SCANS, MAX_SCANNED_PIXELS = 1000, 1_500_000_000
# Plain PPM files, and the comments of all of them, are read in Python.
MAX_PLAIN_BYTES, MAX_PPM_HEADER = 2 << 20, 1 << 16
# Numbers after the format, each behind white space and comments.
PPM_HEADERS = {count: re.compile(rb"P.(?:(?:\s|#[^\r\n]*+[\r\n])+\w+){%d}\s" % count) for count in (2, 3)}
START_OF_SCAN, END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
READ_SIZE = 1 << 20


def check_cost(file: IO[bytes], limits: DecodingLimits, reduced_to: tuple[int, int] = DRAFT_SIZE) -> None:
    """Raise `DecodingLimit` if decoding would take more than the limits. The file is at its start afterwards.

    Checks what is declared; `reduced_to` is what the scale of a JPEG is chosen for. A file that cannot be opened is
    left to the decoder.
    """
    try:
        check_structure(file, limits)
        check_pixels(file, limits, reduced_to)
    except DecodingLimit:
        raise
    except ValueError:
        pass
    file.seek(0)


def check_pixels(file: IO[bytes], limits: DecodingLimits, reduced_to: tuple[int, int]) -> None:
    with open_picture(file, limits.max_pixels) as image:
        coefficients = coefficient_memory(file, image) if isinstance(image, JpegImageFile) else 0
        request_reduced_jpeg(image, image.mode, reduced_to)
        pixels = image.width * image.height
        if limits.max_decoded_pixels is not None and pixels > limits.max_decoded_pixels:
            raise DecodingLimit(f"{image.width} x {image.height} pixels, more than {limits.max_decoded_pixels:,}")
        memory = pixels * memory_per_pixel(image) + memory_per_side(max(image.size)) + coefficients
    check_memory(memory, limits)


def check_memory(memory: int, limits: DecodingLimits) -> None:
    if limits.max_memory is not None and memory > limits.max_memory:
        raise DecodingLimit(f"needs {megabytes(memory)} of memory, more than {megabytes(limits.max_memory)}")


def memory_per_pixel(image: Image.Image) -> int:
    return FORMAT_MEMORY.get(image.format or "", MODE_MEMORY.get(image.mode, DEEP_MODE_MEMORY))


def memory_per_side(length: int) -> int:
    return length * ROW_MEMORY + min(length * WEIGHT_MEMORY, MAX_WEIGHT_MEMORY)


def check_structure(file: IO[bytes], limits: DecodingLimits) -> None:
    """Check what would already be expensive when a decoder opens the file."""
    file.seek(0)
    beginning = file.read(30)
    if beginning.startswith(b"\x89PNG"):
        check_png_chunks(file)
    elif beginning[:1] == b"P" and beginning[1:2].isdigit():
        check_ppm(file, beginning)
    elif beginning[8:12] == b"WEBP":
        width, height = webp_canvas(beginning)
        check_memory(width * height * FORMAT_MEMORY["WEBP"], limits)


def check_png_chunks(file: IO[bytes]) -> None:
    size, position, count = file.seek(0, os.SEEK_END), 8, 0
    while position < size:
        file.seek(position)
        position += 12 + int.from_bytes(file.read(4))
        count += 1
        if count > MAX_PNG_CHUNKS:
            raise DecodingLimit(f"a PNG of more than {MAX_PNG_CHUNKS:,} chunks")


def check_ppm(file: IO[bytes], beginning: bytes) -> None:
    size = file.seek(0, os.SEEK_END)
    if beginning[1:2] in b"123" and size > MAX_PLAIN_BYTES:
        raise DecodingLimit(f"a plain (ASCII) PPM of more than {megabytes(MAX_PLAIN_BYTES)}")
    file.seek(0)
    header = PPM_HEADERS[2 if beginning[1:2] in b"14" else 3]
    if size > MAX_PPM_HEADER and not header.match(file.read(MAX_PPM_HEADER)):
        raise DecodingLimit(f"a PPM whose comments are longer than {MAX_PPM_HEADER:,} bytes")


def webp_canvas(beginning: bytes) -> tuple[int, int]:
    """Return the width and height in the first 30 bytes of a WebP file."""
    kind = beginning[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(beginning[24:27], "little"), 1 + int.from_bytes(beginning[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(beginning[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(beginning[26:28], "little") & 0x3FFF, int.from_bytes(beginning[28:30], "little") & 0x3FFF


def check_scans(file: IO[bytes], image: Image.Image) -> int:
    """Return the number of scans, 1 for other formats than JPEG. Raise `DecodingLimit` if there are too many."""
    scans = count_scans(file) if isinstance(image, JpegImageFile) else 1
    if scans > MAX_SCANS or (scans > 1 and scans * image.width * image.height > MAX_SCANNED_PIXELS):
        raise DecodingLimit(f"a JPEG of {image.width} x {image.height} pixels in {scans} scans")
    return scans


def coefficient_memory(file: IO[bytes], image: JpegImageFile) -> int:
    """Return the bytes that the coefficients of a JPEG in several scans take: they are kept until the last one.

    Raise `DecodingLimit` if there are too many scans.
    """
    if check_scans(file, image) <= 1:
        return 0
    factors = [(across, down) for _, across, down, _ in image.layer]
    most = max(across for across, _ in factors) * max(down for _, down in factors)
    samples = sum(across * down for across, down in factors) / most
    return int(image.width * image.height * samples * COEFFICIENT_SIZE)


def count_scans(file: IO[bytes]) -> int:
    """Count the scans of the first picture in a JPEG file. A thumbnail in its metadata has scans, too."""
    *_, picture = find_picture_segments(file, keep_exif=False)
    file.seek(picture.start)
    count, block = 0, b""
    while END_OF_IMAGE not in block and (more := file.read(READ_SIZE)):
        block = block[-1:] + more
        count += block.partition(END_OF_IMAGE)[0].count(START_OF_SCAN)
    return count
