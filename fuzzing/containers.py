"""Files taken apart into the units of their containers, so that a mutation meets lengths, counts and order."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

Parts = list[bytes]

JPEG_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xDA)}
START_OF_SCAN = 0xDA
BOXES_WITH_BOXES = {b"meta": 4, b"iprp": 0, b"ipco": 0, b"jp2h": 0, b"moov": 0, b"iinf": 6}


def png_chunks(content: bytes) -> Parts:
    parts, position = [content[:8]], 8
    while position < len(content):
        end = position + 12 + int.from_bytes(content[position : position + 4], "big")
        parts.append(content[position:end])
        position = end
    return parts


def png_joined(parts: Sequence[bytes]) -> bytes:
    """Return the file with sound checksums: a decoder would look no further than a wrong one."""
    joined = parts[0]
    for part in parts[1:]:
        body = part[4:-4]
        joined += part[:4] + body + zlib.crc32(body).to_bytes(4, "big")
    return joined


def jpeg_segments(content: bytes) -> Parts:
    parts, position = [content[:2]], 2
    while position < len(content) - 1:
        marker = content[position + 1]
        length = 2 if marker in JPEG_WITHOUT_LENGTH else 2 + int.from_bytes(content[position + 2 : position + 4], "big")
        end = position + length
        if marker == START_OF_SCAN:
            end = next_marker(content, end)
        parts.append(content[position:end])
        position = end
    return parts


def next_marker(content: bytes, position: int) -> int:
    """Return where the coded data of a scan ends: at a marker that is neither a stuffed byte nor a restart."""
    while position < len(content) - 1:
        if content[position] == 0xFF and content[position + 1] not in {0, *range(0xD0, 0xD8)}:
            return position
        position += 1
    return len(content)


def riff_chunks(content: bytes) -> Parts:
    parts, position = [content[:12]], 12
    while position < len(content):
        size = int.from_bytes(content[position + 4 : position + 8], "little")
        end = position + 8 + size + size % 2
        parts.append(content[position:end])
        position = end
    return parts


def riff_joined(parts: Sequence[bytes]) -> bytes:
    body = b"".join(parts[1:])
    return parts[0][:4] + (len(body) + 4).to_bytes(4, "little") + parts[0][8:] + body


def boxes(content: bytes) -> Parts:
    """Boxes of the ISO base media format; those that hold boxes are taken apart into their head and these."""
    return list(nested_boxes(content))


def nested_boxes(content: bytes) -> Iterator[bytes]:
    position = 0
    while position + 8 <= len(content):
        size = int.from_bytes(content[position : position + 4], "big")
        end = position + size if size >= 8 else len(content)
        kind = content[position + 4 : position + 8]
        if kind in BOXES_WITH_BOXES:
            head = position + 8 + BOXES_WITH_BOXES[kind]
            yield content[position:head]
            yield from nested_boxes(content[head:end])
        else:
            yield content[position:end]
        position = end
    if position < len(content):
        yield content[position:]


def gif_blocks(content: bytes) -> Parts:
    flags = content[10]
    start = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    parts, position = [content[:start]], start
    while position < len(content):
        end = position + 1
        if content[position] == 0x21:
            end = after_sub_blocks(content, position + 2)
        elif content[position] == 0x2C:
            own = content[position + 9]
            end = after_sub_blocks(content, position + 11 + (3 << (own & 7) + 1 if own & 0x80 else 0))
        parts.append(content[position:end])
        position = end
    return parts


def after_sub_blocks(content: bytes, position: int) -> int:
    while position < len(content) and content[position]:
        position += 1 + content[position]
    return position + 1


def tiff_entries(content: bytes) -> Parts:
    """The file with each entry of its first directory as a part."""
    order = "<" if content[:2] == b"II" else ">"
    (start,) = struct.unpack_from(f"{order}L", content, 4)
    (count,) = struct.unpack_from(f"{order}H", content, start)
    cuts = [start + 2 + 12 * number for number in range(count + 1)]
    inner = [content[one:other] for one, other in pairwise(cuts)]
    return [content[: start + 2], *inner, content[cuts[-1] :]]


def joined(parts: Sequence[bytes]) -> bytes:
    return b"".join(parts)


def words(content: bytes) -> Parts:
    """The first 64 bytes in twos, where a header has its numbers, and the rest."""
    return [*(content[start : start + 2] for start in range(0, 64, 2)), content[64:]]


CONTAINERS: dict[str, tuple[Callable[[bytes], Parts], Callable[[Sequence[bytes]], bytes]]] = {
    "PNG": (png_chunks, png_joined),
    "JPEG": (jpeg_segments, joined),
    "MPO": (jpeg_segments, joined),
    "WEBP": (riff_chunks, riff_joined),
    "AVIF": (boxes, joined),
    "HEIF": (boxes, joined),
    "JPEG2000": (boxes, joined),
    "GIF": (gif_blocks, joined),
    "TIFF": (tiff_entries, joined),
    "BMP": (words, joined),
    "PPM": (words, joined),
}
