from __future__ import annotations

import struct
import zlib
from typing import IO, NamedTuple

from PIL.PngImagePlugin import PngImageFile

from hashing.fingerprint.formats.splicing import splice

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = b"\0\0\0\0IEND\xaeB`\x82"
GREY, COLOUR, PALETTE = 0, 2, 3
# Chunks that are passed on, in this order, and the longest body of each. In the file, an orientation may come after the
# pixels.
MAX_LENGTHS = {b"IHDR": 13, b"PLTE": 3 * 256, b"tRNS": 256, b"eXIf": 1 << 20}


class Chunk(NamedTuple):
    kind: bytes
    body: bytes
    checksum: bytes

    @property
    def is_intact(self) -> bool:
        return struct.pack(">I", zlib.crc32(self.kind + self.body)) == self.checksum

    def __bytes__(self) -> bytes:
        return struct.pack(">I", len(self.body)) + self.kind + self.body + self.checksum


def open_png(file: IO[bytes], filename: str = "") -> PngImageFile:
    """Open the default image of a PNG file, without chunks that do not describe its pixels.

    Pillow would read all of them, and refuse a picture because of a long text or a damaged colour profile.
    """
    chunks, pixels = scan_chunks(file)
    header, palette = chunks.get(b"IHDR"), chunks.get(b"PLTE")
    if header is None or len(header.body) < 13:
        raise SyntaxError("broken PNG file: no header")
    depth, colour_type = header.body[8:10]
    if colour_type == PALETTE and palette is None:
        raise SyntaxError("broken PNG file: no palette")
    transparency = chunks.pop(b"tRNS", None)
    if transparency is not None and (body := convert_transparency(transparency, depth, colour_type, palette)):
        chunks[b"tRNS"] = Chunk(b"tRNS", body, struct.pack(">I", zlib.crc32(b"tRNS" + body)))
    if (exif := chunks.get(b"eXIf")) and not exif.is_intact:
        del chunks[b"eXIf"]
    kept = [bytes(chunks[kind]) for kind in MAX_LENGTHS if kind in chunks]
    return PngImageFile(splice(file, [SIGNATURE, *kept, pixels, END]), filename)


def scan_chunks(file: IO[bytes]) -> tuple[dict[bytes, Chunk], range]:
    """Return the chunks to pass on, and the range of those with pixels."""
    position = len(file.read(len(SIGNATURE)))
    chunks: dict[bytes, Chunk] = {}
    pixels = range(0)
    while len(start := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", start)
        end = position + 12 + length
        if kind == b"IEND":
            break
        if kind == b"IDAT" and (not pixels or pixels.stop == position):
            pixels = range(pixels.start if pixels else position, end)
        elif kind in MAX_LENGTHS and kind not in chunks:
            if length <= MAX_LENGTHS[kind]:
                chunks[kind] = Chunk(kind, file.read(length), file.read(4))
            elif not kind[0] & 0x20:
                raise SyntaxError(f"broken PNG file: {length} bytes in {kind.decode()}")
        file.seek(end)
        position = end
    return chunks, pixels


def convert_transparency(chunk: Chunk, depth: int, colour_type: int, palette: Chunk | None) -> bytes:
    """Return the transparent colour, in the levels that Pillow decodes to, or the alpha of each entry of the palette.

    Return nothing for a damaged chunk: the picture is opaque then, as in every browser.
    """
    body = chunk.body if chunk.is_intact else b""
    if colour_type == PALETTE:
        return body if palette is not None and 3 * len(body) <= len(palette.body) else b""
    if (colour_type, len(body)) not in {(GREY, 2), (COLOUR, 6)}:
        return b""
    levels = [level & ((1 << depth) - 1) for level in struct.unpack(f">{len(body) // 2}H", body)]
    if depth in {2, 4}:
        levels = [level * 255 // ((1 << depth) - 1) for level in levels]
    # Pillow keeps 8 of the 16 bits of a colour.
    if (depth, colour_type) == (16, COLOUR):
        levels = [level >> 8 for level in levels]
    return struct.pack(f">{len(levels)}H", *levels)
