"""Small files that are expensive to decode. Making them is cheap."""

from __future__ import annotations

import struct
import zlib

from PIL import Image

from samples.pictures import encoded

MEGABYTE = 1 << 20


def png(width: int, height: int, *, mode: str = "RGBA", chunks: int = 0) -> bytes:
    """A PNG whose samples are all zero, with a number of empty chunks before its pixels."""
    colour_type, samples = {"L": (0, 1), "RGB": (2, 3), "RGBA": (6, 4)}[mode]
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    size = height * (1 + width * samples)
    parts = [chunk(b"IHDR", header), chunk(b"teXt", b"") * chunks, chunk(b"IDAT", zeros(size)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def zeros(size: int) -> bytes:
    """Return what `zlib.compress(bytes(size))` may return, without compressing each megabyte."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    first, again = (deflate.compress(bytes(MEGABYTE)) + deflate.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    whole, rest = divmod(size, MEGABYTE)
    body = (first + again * (whole - 1)) if whole else b""
    checksum = struct.pack(">HH", size % 65521, 1)
    return b"\x78\x9c" + body + deflate.compress(bytes(rest)) + deflate.flush() + checksum


def progressive_jpeg(side: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    content = encoded(Image.new("L", (side, side), 128), "JPEG", progressive=True)
    last = content[content.rindex(b"\xff\xda") : -2]
    return content[:-2] + last * scans + content[-2:]


def baseline_jpeg(width: int, height: int) -> bytes:
    """A grey JPEG of one colour."""
    content = encoded(Image.new("L", (8, 8), 128), "JPEG")
    frame, scan = content.index(b"\xff\xc0"), content.index(b"\xff\xda")
    header = content[: frame + 5] + struct.pack(">HH", height, width) + content[frame + 9 : scan + 10]
    # Four blocks of six bits: no difference to the block before (00), and no other frequency (1010).
    blocks = -(-width // 8) * -(-height // 8)
    return header + b"\x28\xa2\x8a" * (-(-blocks // 4)) + b"\xff\xd9"


def plain_ppm(pixels: int, comment: int = 0) -> bytes:
    """A picture of one row, in numbers that are written out."""
    return b"P3\n#" + b"c" * comment + f"\n{pixels} 1\n255\n".encode() + b"1 2 3 " * pixels


def ppm_of_254_levels(width: int, height: int) -> bytes:
    """A picture whose samples are scaled one by one, because their largest value is not 255."""
    return f"P6\n{width} {height}\n254\n".encode() + bytes(3 * width * height)


def jpeg_of_segments(count: int) -> bytes:
    """A JPEG with empty comments before the picture."""
    content = encoded(Image.new("L", (64, 64)), "JPEG")
    return content[:2] + b"\xff\xfe\x00\x02" * count + content[2:]


def gif_of_extensions(count: int) -> bytes:
    """A GIF with empty comments before the picture."""
    content = encoded(Image.new("P", (64, 64)), "GIF")
    image = content.index(b",", 13)
    return content[:image] + b"\x21\xfe\x00" * count + content[image:]


def tiff_of_strips(width: int, height: int) -> bytes:
    """A grey TIFF in which each row is a strip, and all of them are the same bytes."""
    count, entries = 4 * height, 9
    offsets = 8 + 2 + 12 * entries + 4
    # Tag, type (3: two bytes, 4: four) and number of values, and the value or its place.
    directory = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, height, offsets),
        (277, 3, 1, 1),
        (278, 4, 1, 1),
        (279, 4, height, offsets + count),
    ]
    header = struct.pack("<2sHIH", b"II", 42, 8, entries)
    tags = b"".join(struct.pack("<HHII", *entry) for entry in directory) + bytes(4)
    places, sizes = (struct.pack("<I", value) * height for value in (offsets + 2 * count, width))
    return header + tags + places + sizes + bytes(width)


def bmp_of_runs(width: int, height: int) -> bytes:
    """A compressed BMP in which each run has one pixel."""
    pixels = (b"\x01\x07" * width + b"\0\0") * height
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(pixels), 0, 0, 256, 0) + bytes(1024)
    start = 14 + len(header)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + header + pixels


def flat(image_format: str, side: int, **options: int | bool) -> bytes:
    """A square of one colour, which takes few bytes in most formats."""
    return encoded(Image.new("RGB", (side, side), (200, 30, 90)), image_format, **options)
