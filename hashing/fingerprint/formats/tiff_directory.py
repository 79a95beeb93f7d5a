from __future__ import annotations

import os
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import IO, NamedTuple

# Length of a value and its code in `struct`, by the type of a tag. No tag about pixels is a rational.
VALUE_TYPES = {1: (1, "B"), 3: (2, "H"), 4: (4, "I"), 6: (1, "b"), 7: (1, "B"), 8: (2, "h"), 9: (4, "i")} | {
    11: (4, "f"),
    12: (8, "d"),
    13: (4, "I"),
    16: (8, "Q"),
}
TEXT, SHORT = 2, 3
# The longest list that is read here is the palette of 16-bit pictures.
MAX_VALUES = 3 << 16
MAX_ENTRIES = 1 << 16

Numbers = tuple[int | float, ...]


class Entry(NamedTuple):
    """One tag: `field` holds its values if they fit, otherwise their position in the file."""

    value_type: int
    length: int
    field: bytes


class NumberFormat(NamedTuple):
    """How TIFF or BigTIFF write their numbers: formats of `struct`, with the byte order first."""

    header_size: int
    entry_count: str
    entry: str
    offset: str


class Directory(NamedTuple):
    """The tags of a TIFF page, read without a decoder."""

    file: IO[bytes]
    byte_order: str  # as in struct: "<" or ">"
    is_big: bool
    entries: Mapping[int, Entry] = {}

    @property
    def format(self) -> NumberFormat:
        order = self.byte_order
        if self.is_big:
            return NumberFormat(16, f"{order}Q", f"{order}HHQ8s", f"{order}Q")
        return NumberFormat(8, f"{order}H", f"{order}HHI4s", f"{order}I")

    def numbers(self, tag: int, default: Numbers = ()) -> Numbers:
        """Return the values of a tag, or the default if it is missing, no list of numbers, or outside the file."""
        entry = self.entries.get(tag)
        if entry is None or entry.value_type not in VALUE_TYPES or not 0 < entry.length <= MAX_VALUES:
            return default
        size, code = VALUE_TYPES[entry.value_type]
        content = self._content(entry, size * entry.length)
        if len(content) < size * entry.length:
            return default
        return struct.unpack(f"{self.byte_order}{entry.length}{code}", content)

    def text(self, tag: int, max_length: int) -> str:
        """Return the text of a tag, empty if it is missing, longer, no text, or outside the file."""
        entry = self.entries.get(tag)
        if entry is None or entry.value_type != TEXT or not 0 < entry.length <= max_length:
            return ""
        return self._content(entry, entry.length).partition(b"\0")[0].decode("latin-1")

    def first(self, tag: int, default: int) -> int:
        return int(self.numbers(tag, (default,))[0])

    def pack_shorts(self, values: Iterable[int]) -> bytes:
        return b"".join(struct.pack(f"{self.byte_order}H", value) for value in values)

    def with_short(self, tag: int, value: int) -> Directory:
        field = self.pack_shorts([value]).ljust(8 if self.is_big else 4, b"\0")
        return self._replace(entries={**self.entries, tag: Entry(SHORT, 1, field)})

    def with_only(self, tags: Collection[int]) -> Directory:
        return self._replace(entries={tag: entry for tag, entry in self.entries.items() if tag in tags})

    def subdirectory(self, tag: int) -> Directory | None:
        """Return the directory to which a tag points, None if there is none."""
        position = self.first(tag, 0)
        try:
            return read_directory_at(self, position) if position > 0 else None
        except SyntaxError:
            return None

    def _content(self, entry: Entry, length: int) -> bytes:
        if length <= len(entry.field):
            return entry.field[:length]
        return self._read(struct.unpack(self.format.offset, entry.field)[0], length)

    def _read(self, position: int, length: int) -> bytes:
        try:
            self.file.seek(position)
        # An impossible position.
        except (OverflowError, ValueError):
            return b""
        return self.file.read(length)


def read_directory(file: IO[bytes]) -> Directory:
    """Return the first directory of a TIFF file. Raise `SyntaxError` if there is none."""
    file.seek(0)
    header = file.read(16)
    byte_order = {b"II": "<", b"MM": ">"}.get(header[:2])
    if byte_order is None:
        raise SyntaxError("broken TIFF file: no header")
    directory = Directory(file, byte_order, 43 in header[2:4])
    offset, header_size = directory.format.offset, directory.format.header_size
    if len(header) < header_size:
        raise SyntaxError("broken TIFF file: no header")
    (start,) = struct.unpack(offset, header[header_size - struct.calcsize(offset) : header_size])
    return read_directory_at(directory, start)


def read_directory_at(directory: Directory, start: int) -> Directory:
    """Return the directory at another position of the same file. Raise `SyntaxError` if there is none."""
    try:
        return directory._replace(entries=dict(read_entries(directory, start)))
    # An impossible offset, or the end of the file.
    except (struct.error, OverflowError, ValueError) as error:
        raise SyntaxError(f"broken TIFF file: {error}") from error


def read_entries(directory: Directory, start: int) -> Iterator[tuple[int, Entry]]:
    file, number_format = directory.file, directory.format
    file.seek(start)
    (count,) = struct.unpack(number_format.entry_count, file.read(struct.calcsize(number_format.entry_count)))
    length = min(count, MAX_ENTRIES) * struct.calcsize(number_format.entry)
    content = file.read(length)
    if len(content) < length:
        raise ValueError("it ends within its list of tags")
    for tag, value_type, size, field in struct.iter_unpack(number_format.entry, content):
        yield tag, Entry(value_type, size, field)


def rewrite_directory(directory: Directory, new_values: Mapping[int, bytes]) -> tuple[bytes, range, bytes]:
    """Return the segments of the same file with this directory alone.

    `new_values` replaces the values of tags with packed lists of short numbers.
    """
    number_format, size = directory.format, directory.file.seek(0, os.SEEK_END)
    end = bytearray(b"\0" * (-size % 16))
    entries = dict(directory.entries)
    for tag, content in new_values.items():
        field = struct.pack(number_format.offset, size + len(end))
        entries[tag] = Entry(SHORT, len(content) // 2, field)
        end += content
    start = size + len(end)
    end += struct.pack(number_format.entry_count, len(entries))
    for tag, entry in sorted(entries.items()):
        end += struct.pack(number_format.entry, tag, *entry)
    end += struct.pack(number_format.offset, 0)
    offset = struct.pack(number_format.offset, start)
    directory.file.seek(0)
    header = directory.file.read(number_format.header_size)[: -len(offset)] + offset
    return header, range(number_format.header_size, size), bytes(end)
