"""TIFF files, written by tifffile or number by number."""

from __future__ import annotations

import io
import struct

import numpy as np
import tifffile

from tests.fingerprint.formats.table import (
    GREY,
    SIZE,
    Pixels,
)

ORDERS = ["<", ">"]
COMPRESSIONS = [None, "zlib", "lzw", "packbits"]
INVERTED = 255 - GREY.astype(float)


def tiff(pixels: Pixels, byte_order: str = "<", bigtiff: bool = False, **options) -> bytes:
    buffer = io.BytesIO()
    options = {"photometric": "minisblack", "metadata": None, **options}
    with tifffile.TiffWriter(buffer, byteorder=byte_order, bigtiff=bigtiff) as writer:
        writer.write(pixels, **options)
    return buffer.getvalue()


def by_tifffile(content: bytes) -> Pixels:
    return tifffile.imread(io.BytesIO(content))


def grey_in(dtype: str) -> Pixels:
    """Return the grey picture over the full range of a type of numbers."""
    kind, size = dtype[-2], int(dtype[-1])
    if kind == "f":
        return (GREY / 255).astype(dtype)
    levels = GREY.astype(np.int64) * ((256**size - 1) // 255)
    return (levels - (256**size // 2 if kind == "i" else 0)).astype(dtype)


def raw_tiff(rows: bytes, tags: dict[int, int | tuple[int, ...]], byte_order: str = "<") -> bytes:
    """Return a TIFF file of one strip with the given tags of short numbers."""
    width, height = SIZE
    entries = {256: width, 257: height, 273: 8, 277: 1, 278: height, 279: len(rows)} | tags
    body, end = bytearray(), 8 + len(rows)
    values = bytearray()
    end += 2 + 12 * len(entries) + 4
    for tag, value in sorted(entries.items()):
        numbers = value if isinstance(value, tuple) else (value,)
        field = struct.pack(f"{byte_order}{len(numbers)}H", *numbers)
        if len(field) > 4:
            values += field
            field = struct.pack(f"{byte_order}I", end + len(values) - len(field))
        body += struct.pack(f"{byte_order}HHI", tag, 3, len(numbers)) + field.ljust(4, b"\0")
    header = (b"II*\0" if byte_order == "<" else b"MM\0*") + struct.pack(f"{byte_order}I", 8 + len(rows))
    return header + rows + struct.pack(f"{byte_order}H", len(entries)) + body + b"\0\0\0\0" + values


def packed(levels: Pixels, bits: int) -> bytes:
    binary = (levels[..., None] >> np.arange(bits)[::-1] & 1).astype(np.uint8)
    return np.packbits(binary.reshape(len(levels), -1), axis=1).tobytes()
