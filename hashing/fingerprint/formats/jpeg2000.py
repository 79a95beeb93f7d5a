from __future__ import annotations

import os
from typing import IO

from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

CODESTREAM, SIZE_SEGMENT = b"\xff\x4f\xff\x51", 38


class Jpeg2000(Jpeg2KImageFile):
    """A JPEG 2000 file whose samples may have more or fewer than 8 bits.

    Loading raises `ValueError` for deep colours in which Pillow's decoder may have turned white into black.
    """

    def __init__(self, file: IO[bytes], filename: str = "") -> None:
        self._bits = read_sample_bits(file)
        file.seek(0)
        super().__init__(file, filename)

    def load_end(self) -> None:
        super().load_end()
        if self._bits < 8:
            unused = 8 - self._bits
            # Pillow shifts the samples to the left, and the indexes of a palette, too.
            levels = [level >> unused for level in range(256)]
            if self.mode != "P":
                levels = [level * 255 // ((1 << self._bits) - 1) for level in levels]
            self.im = self.im.point(levels * len(self.getbands()), None)
        # It rounds the highest levels up to 256, which is 0 in 8 bits.
        elif self._bits > 8 and self.mode != "I;16" and any(self.histogram()[::256]):
            raise ValueError(f"JPEG 2000 of {self._bits} bits in mode {self.mode} cannot be read")


def read_sample_bits(file: IO[bytes]) -> int:
    """Return the bits of the deepest component; 8 if the file has no codestream in the usual place."""
    file.seek(0)
    start = file.read(4)
    if start != CODESTREAM:
        start = seek_codestream(file)
    if start != CODESTREAM:
        return 8
    segment = file.read(SIZE_SEGMENT)
    components = file.read(3 * int.from_bytes(segment[36:38]))
    return max(((size & 0x7F) + 1 for size in components[::3]), default=8)


def seek_codestream(file: IO[bytes]) -> bytes:
    """Move behind the first four bytes of the codestream, and return them; other bytes if there is none.

    Raise `ValueError` for a box before it that is longer than the file: Pillow would allocate its length.
    """
    end = file.seek(0, os.SEEK_END)
    position = 0
    while True:
        file.seek(position)
        header = file.read(16)
        length, kind = int.from_bytes(header[:4]), header[4:8]
        header_size = 8
        if length == 1:
            length, header_size = int.from_bytes(header[8:16]), 16
        if kind == b"jp2c" or len(header) < 8 or length < header_size:
            file.seek(position + header_size)
            return file.read(4)
        position += length
        if position > end:
            raise ValueError("a JPEG 2000 box is longer than the file")
